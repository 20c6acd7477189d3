internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Synchronization
internal import Transformer

/// A down-projection that an editor changes.
struct EditedMatrix: Sendable {
  let name: String
  let isInputMajor: Bool
  /// `[width × keyWidth]`
  let weight: Matrix<Float>

  init(_ network: Network, layer: Int) throws {
    name = try network.downProjection(of: layer)
    let tensor = try network.model.tensor(name)
    try network.model.requirePlain(name)
    isInputMajor = network.configuration.family.storesInputMajor(name)
    let bytes =
      try network.overlay[name]
      ?? network.model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    weight = try tensor.floats(bytes, isInputMajor ? .inputMajor : .outputMajor)
  }
}

/// One step of training an editor: updates, edited networks, losses, gradients.
struct EditorPass: Sendable {
  let network: Network
  let layers: [Int]
  let weights: [EditedMatrix]
  /// c_e.
  let editWeight: Float

  /// What a step looks at of one fact.
  struct Sample: Sendable {
    let texts: TrainingTexts
    /// The text whose targets are asked for.
    let edited: TrainingTexts.Part
    /// The text whose answer is to stay.
    let neighbor: TrainingTexts.Part
  }

  /// The mean loss over some facts, each edited by itself, and its gradient by the editor's parameters.
  func gradient(
    _ samples: [Sample], _ updates: any UpdateNetwork
  ) throws -> (loss: Double, gradient: [Matrix<Float>]) {
    let parts = Mutex([(loss: Double, gradient: [Matrix<Float>])?](repeating: nil, count: samples.count))
    let alone = network.alone
    try BLASThreads.with(1) {
      try parallelFor(samples.count, width: network.threads, state: {}) { index, _ in
        let part = try one(samples[index], updates, alone)
        parts.withLock { $0[index] = part }
      }
    }
    // Added in their order, whatever thread found which.
    var (loss, gradient) = (0.0, updates.zeroGradient)
    for part in parts.withLock({ $0 }) {
      loss += part!.loss / Double(samples.count)
      for index in gradient.indices { gradient[index].add(part!.gradient[index]) }
    }
    for index in gradient.indices { gradient[index].scale(by: 1 / Float(samples.count)) }
    return (loss, gradient)
  }

  /// The loss of one fact.
  func one(
    _ sample: Sample, _ updates: any UpdateNetwork, _ network: Network
  ) throws -> (loss: Double, gradient: [Matrix<Float>]) {
    let run = updates.run(sample.texts.input)
    let edited = try self.edited(run.factors, network)
    let texts = [sample.edited.text, sample.neighbor.text]
    let hidden = sample.edited.hidden.stacked(on: sample.neighbor.hidden)
    var (rows, terms) = [texts[0]].targetTerms(weight: editWeight)
    let editedCount = terms.count
    let places = texts[1].targets.map { texts[0].tokens.count + $0.position }
    let wanted = try answers(sample.neighbor, network)
    for (place, wanted) in zip(places, wanted) {
      terms.append(
        LossTerm(row: rows.count, .likeness(to: wanted), weight: 1 / Float(places.count)))
      rows.append(place)
    }
    let found = try LayerGradients(network: edited, layers: layers).find(
      texts.map { TokenSequence($0.tokens) }, from: hidden, rows: rows, terms: terms)
    var gradient = updates.zeroGradient
    run.backward(
      run.factors.enumerated().map { index, factors in
        factors.gradient(keys: found.keys[index], gradients: found.gradients[index])
      }, &gradient)
    let loss = zip(terms, found.values).enumerated().reduce(0.0) { sum, term in
      // Differences of equal distributions may come out a little below zero.
      let value = term.offset < editedCount ? term.element.1 : max(0, term.element.1)
      return sum + Double(term.element.0.weight * value)
    }
    return (loss, gradient)
  }

  /// The network with an update of each layer.
  func edited(
    _ updates: [UpdateFactors], _ network: Network
  ) throws -> Network {
    var overlay = network.overlay
    for (index, update) in updates.enumerated() {
      var weight = weights[index].weight
      weight.addProduct(update.left, update.right, firstTransposed: true)
      let stored = weights[index].isInputMajor ? weight.transposed() : weight
      overlay.replace(weights[index].name, by: stored.elements.withUnsafeBytes { Array($0) }, of: .f32)
    }
    return try network.overlaid(overlay)
  }

  /// log p of every token at a text's targets.
  private func answers(_ part: TrainingTexts.Part, _ network: Network) throws -> [[Float]] {
    let logits = try logits([part], network)
    return part.text.targets.indices.map { logits.logProbabilities(row: $0) }
  }

  /// Logits at the targets of some texts, from where they enter the edited layers.
  private func logits(_ parts: [TrainingTexts.Part], _ network: Network) throws -> LogitRows {
    let hidden = parts.dropFirst().reduce(parts[0].hidden) { $0.stacked(on: $1.hidden) }
    let run = try network.run(
      parts.map { TokenSequence($0.text.tokens) }, from: hidden,
      .init(layers[0]..<network.configuration.layerCount))
    return network.logits(of: run, rows: parts.map(\.text).targetTerms(weight: 1).rows)
  }

  /// What an editor makes of facts that it was not trained on, each edited by itself.
  func measures(_ facts: [TrainingTexts], _ updates: any UpdateNetwork) throws -> EditorMeasures {
    let found = Mutex(
      [(said: Double, paraphrase: Double?, kept: Double)?](repeating: nil, count: facts.count))
    let alone = network.alone
    try BLASThreads.with(1) {
      try parallelFor(facts.count, width: network.threads, state: {}) { index, _ in
        let fact = facts[index]
        let edited = try edited(updates.run(fact.input).factors, alone)
        let parts = [fact.prompt] + fact.paraphrases + fact.neighbors
        let (before, after) = (try logits(parts, alone), try logits(parts, edited))
        var row = 0
        let shares = parts.map { part -> Bool in
          defer { row += part.text.targets.count }
          return part.text.targets.enumerated().allSatisfy { place, target in
            let best = after.mostProbable(row: row + place)
            return part.isNeighbor ? best == before.mostProbable(row: row + place) : best == target.token
          }
        }
        func share(_ range: Range<Int>) -> Double? {
          range.isEmpty ? nil : Double(shares[range].count { $0 }) / Double(range.count)
        }
        let own = 1 + fact.paraphrases.count
        let measured = (share(0..<1)!, share(1..<own), share(own..<parts.count)!)
        found.withLock { $0[index] = measured }
      }
    }
    let all = found.withLock { $0.map { $0! } }
    func mean(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
    var measures = EditorMeasures()
    measures.count = all.count
    measures.efficacy = mean(all.map(\.said))
    // Where no record has a paraphrase, the prompts alone count.
    let worded = all.compactMap(\.paraphrase)
    measures.paraphrase = worded.isEmpty ? measures.efficacy : mean(worded)
    measures.locality = mean(all.map(\.kept))
    return measures
  }
}
