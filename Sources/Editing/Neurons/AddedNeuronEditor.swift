internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// T-Patcher and CaliNet: neurons are added to a late feed-forward and trained on the facts.
///
/// They stand in the places of neurons that ordinary text uses least, so shapes, configuration and every loader stay as they are; what is
/// lost with those is measured, and trained around.
///
/// - Source: T-Patcher, arXiv:2301.09785: a neuron for each token that the model would not say, at the last layer. CaliNet, arXiv:2210.03329:
///   a fixed number for all facts. Both make the layer wider.
struct AddedNeuronEditor: Editor {
  /// How neurons begin.
  enum Kind {
    /// One for each wrong token, firing at it by a closed form.
    case forTokens
    /// A number of them, drawn at random.
    case drawn
  }

  private let setup: EditorSetup
  private let kind: Kind
  /// Neurons that earlier batches took.
  private var taken: Set<Int> = []

  init(_ setup: EditorSetup, _ kind: Kind) {
    self.setup = setup
    self.kind = kind
  }

  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    progress(.gradients)
    let recipe = setup.recipe
    guard let layer = recipe.layers.first, recipe.layers.count == 1 else {
      throw EditError.methodTakesOneLayer(method: recipe.method, layers: recipe.layers)
    }
    let feedForward = try LayerNeurons(network, setup, layer: layer)
    let memory = try TextMemory(setup.aids.text.texts, network: network, layer: layer)
    let texts = TargetText.inContexts(batch.problems)
    let (count, queries, owners) = try wanted(texts, network)
    var weights = EditedWeights(overlay: network.overlay)
    guard count > 0 else {
      // All is said already: the weights stay.
      let losses = try network.score(texts.map(\.continuation)).map {
        -$0.logProbabilities.reduce(0, +) / Float($0.logProbabilities.count)
      }
      .means(of: texts, count: batch.problems.count)
      if let base { weights = base }
      return (weights, losses.map { FactValue(trained: [$0]) })
    }
    let (places, lost) =
      recipe.neurons.widens ? ([], 0) : try idle(count, memory, feedForward, layer: layer)
    let texted = try states(of: texts, without: places, feedForward, network, layer: layer)
    let others = try owners.map { try elsewhere($0, batch.problems, network, layer: layer) }
    let training = NeuronTraining(
      network: network, layer: layer, settings: recipe.gradients, memoryWeight: recipe.neurons.memoryWeight,
      texts: texts, inputs: texted.inputs, hidden: texted.hidden, values: texted.values, queries: queries,
      memory: others.reduce(memory.inputs) { $0.stacked(on: $1) })
    progress(.training)
    let start = try neurons(count, queries, texted.inputs, others, memory, feedForward)
    let result = try training.train(from: start, hasBias: feedForward.tensors.bias != nil)
    let values = result.losses.curves(of: texts, edits: batch.problems.count).map { FactValue(trained: $0) }
    guard !recipe.neurons.widens else {
      weights.added = (layer, result.neurons)
      return (weights, values)
    }
    progress(.weight(feedForward.tensors.down, .solving))
    let edits = feedForward.rows(of: texts)
    let updates = try feedForward.updates(
      result.neurons, at: places, texted.inputs, keys: texted.keys, edits: edits, count: batch.problems.count,
      after: base, solver: setup.solver)
    let fired = result.neurons.run(memory.inputs, in: network).activations.times(result.neurons.columns)
    let moved = fired.elements.sumOfSquares / Double(max(1, fired.rows)) / max(memory.outputEnergy, 1e-300)
    for var update in updates {
      if update.tensor.name == feedForward.tensors.down {
        update.trained?.preservation = (base?[update.tensor.name]?.trained?.preservation ?? 0) + lost + moved
      }
      try weights.append(update, from: setup.solver)
    }
    return (weights, values)
  }

  /// Takes the places of neurons that are missed least.
  private mutating func idle(
    _ count: Int, _ memory: TextMemory, _ feedForward: LayerNeurons, layer: Int
  ) throws -> (places: [Int], lost: Double) {
    let room = feedForward.weight.columns / 4
    guard taken.count + count <= room else {
      throw EditError.noRoomForNeurons(layer: layer, wanted: taken.count + count, room: room)
    }
    let (places, lost) = memory.idle(count, of: feedForward.weight, except: taken)
    taken.formUnion(places)
    return (places, lost)
  }

  /// How many neurons there are to be, and the rows that each is to fire at.
  private func wanted(
    _ texts: [TargetText], _ network: Network
  ) throws -> (count: Int, queries: [[Int]], owners: [NeuronPlace]) {
    let scores = try network.score(texts.map(\.continuation))
    if case .drawn = kind {
      let isSaid = zip(texts, scores).allSatisfy { text, score in
        score.mostProbable == text.targets.map { Int32($0.token) }
      }
      let count = setup.recipe.neurons.count ?? 64
      return isSaid ? (0, [], []) : (count, [[Int]](repeating: [], count: count), [])
    }
    // A neuron for a wrong token of an edit fires at that token in all its texts.
    var neurons: [NeuronPlace: [Int]] = [:]
    var order: [NeuronPlace] = []
    var first = 0
    var wrong: Set<NeuronPlace> = []
    for (text, score) in zip(texts, scores) {
      for (place, target) in text.targets.enumerated() {
        let key = NeuronPlace(edit: text.edit, variant: text.variant, place: place)
        if neurons[key] == nil { order.append(key) }
        neurons[key, default: []].append(first + target.position)
        if Int(score.mostProbable[place]) != target.token { wrong.insert(key) }
      }
      first += text.tokens.count
    }
    let owners = order.filter(wrong.contains)
    return (owners.count, owners.map { neurons[$0]! }, owners)
  }

  /// Which token of which fact a neuron is for.
  private struct NeuronPlace: Hashable {
    let edit: Int
    let variant: Int
    let place: Int
  }

  /// What the feed-forward reads at a neuron's token where the prompt is about others: it is to be quiet there. `[names × width]`
  ///
  /// Without these a neuron fires at every prompt of one form. The published memory has them: it is of the same task's questions.
  private func elsewhere(
    _ place: NeuronPlace, _ problems: [ValueProblem], _ network: Network, layer: Int
  ) throws -> Matrix<Float> {
    let none = Matrix<Float>(rows: 0, columns: network.configuration.width)
    let prompt = problems[place.edit].prompts[place.variant / 2]
    // In a chat the template is the same for all subjects, and a plain neuron's neighbors have it quiet.
    guard place.variant % 2 == 0, prompt.fact.hasSubjectPlace else { return none }
    let target = Array(prompt.target.prefix(place.place))
    let texts = setup.aids.text.names.filter { $0 != prompt.fact.subject }.compactMap { name in
      try? setup.encoder.prompt(prompt.fact.prompt(about: name)).tokens + target
    }
    guard !texts.isEmpty else { return none }
    var inputs = none
    let run = try network.run(texts.map { TokenSequence($0) }, .init(0..<layer + 1), keyLayers: []) {
      block, activation, rows in
      if block == layer, activation == .feedForwardInput { inputs = rows.matrix() }
    }
    return inputs.selecting(rows: run.sequenceRows.map { $0.upperBound - 1 })
  }

  /// Runs the texts up to the layer, and after it without some neurons.
  private func states(
    of texts: [TargetText], without places: [Int], _ feedForward: LayerNeurons, _ network: Network, layer: Int
  ) throws -> (inputs: Matrix<Float>, keys: Matrix<Float>, hidden: Matrix<Float>, values: Matrix<Float>?) {
    var bare = feedForward.weight
    for row in 0..<bare.rows { for column in places { bare[row, column] = 0 } }
    var overlay = network.overlay
    let stored = feedForward.isInputMajor ? bare.transposed() : bare
    overlay.replace(feedForward.tensors.down, by: stored.elements.withUnsafeBytes { Array($0) }, of: .f32)
    let without = try network.overlaid(overlay)
    var (inputs, keys) = (Matrix<Float>(rows: 0, columns: 0), Matrix<Float>(rows: 0, columns: 0))
    var values: Matrix<Float>?
    let isPlain = network.configuration.addsOutputsAsTheyAre
    let run = try without.run(
      texts.map { TokenSequence($0.tokens) }, .init(0..<layer + 1), keyLayers: [layer]
    ) { block, activation, rows in
      guard block == layer else { return }
      if activation == .feedForwardInput { inputs = rows.matrix() }
      if activation == .key { keys = rows.matrix() }
      if activation == .value, !isPlain { values = rows.matrix() }
    }
    var hidden = run.hidden.matrix()
    if let values { hidden.subtract(network.addition(of: values, .feedForward, layer: layer)) }
    return (inputs, keys, hidden, values)
  }

  /// What the neurons are before they are trained; their columns are zero, so that nothing is changed yet.
  private func neurons(
    _ count: Int, _ queries: [[Int]], _ inputs: Matrix<Float>, _ elsewhere: [Matrix<Float>],
    _ memory: TextMemory,
    _ feedForward: LayerNeurons
  ) throws -> AddedNeurons {
    let width = inputs.columns
    let zero = Matrix<Float>(rows: count, columns: width)
    switch kind {
    case .drawn:
      var random = SplitMix64(seed: setup.recipe.values.seed)
      // As torch draws a linear layer: ±1/√width, times what makes an ordinary state's projection about one.
      func drawn() -> Matrix<Float> {
        let bound = 1 / Double(width).squareRoot()
        return Matrix(
          rows: count, columns: width,
          elements: (0..<count * width).map { _ in Float((2 * random.unit() - 1) * bound) })
      }
      return AddedNeurons(
        first: drawn(), bias: [Float](repeating: 0, count: count), up: feedForward.isGated ? drawn() : nil,
        columns: zero)
    case .forTokens:
      let keys = try QueryKeys(memory.inputs, hasBias: feedForward.tensors.bias != nil)
      let rows = queries.map { $0.map { Array(inputs.row($0)) } }
      var (first, bias, up) = (zero, [Float](repeating: 0, count: count), zero)
      for neuron in 0..<count {
        let others =
          rows.enumerated().filter { $0.offset != neuron }.flatMap(\.element)
          + (0..<elsewhere[neuron].rows).map { Array(elsewhere[neuron].row($0)) }
        let found = try keys.detector(of: rows[neuron], against: others)
        for column in 0..<width { first[neuron, column] = found.row[column] }
        bias[neuron] = found.bias
        let unit = try keys.unit(of: rows[neuron])
        for column in 0..<width { up[neuron, column] = unit[column] }
      }
      return AddedNeurons(first: first, bias: bias, up: feedForward.isGated ? up : nil, columns: zero)
    }
  }
}
