internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// The tensors of a layer's neurons, with what they hold now, and how others are put into places of theirs.
struct LayerNeurons {
  let tensors: Network.NeuronTensors
  /// The down-projection. `[width × keyWidth]`
  let weight: Matrix<Float>
  private let network: Network
  private let model: ModelFile

  var isGated: Bool { tensors.up != nil }
  var isInputMajor: Bool { network.configuration.family.storesInputMajor(tensors.down) }
  private var way: TensorChange.Orientation { isInputMajor ? .inputMajor : .outputMajor }

  init(_ network: Network, _ setup: EditorSetup, layer: Int) throws {
    self.network = network
    model = setup.solver.model
    tensors = try network.neuronTensors(of: layer)
    for name in [tensors.first.name, tensors.up?.name, tensors.down].compactMap({ $0 }) {
      try model.requirePlain(name)
      try model.tensor(name).requireWeight()
    }
    let down = try model.tensor(tensors.down)
    weight = try down.floats(
      Self.bytes(of: down, network, model),
      network.configuration.family.storesInputMajor(tensors.down) ? .inputMajor : .outputMajor)
  }

  private static func bytes(of tensor: TensorInfo, _ network: Network, _ model: ModelFile) throws -> [UInt8] {
    try network.overlay[tensor.name]
      ?? model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
  }

  /// The edit of each token of some texts.
  func rows(of texts: [TargetText]) -> [Int] { texts.flatMap { text in text.tokens.map { _ in text.edit } } }

  /// Weights with neurons in the places of others.
  ///
  /// - Parameters:
  ///   - inputs: of all tokens of the texts. `[tokens × width]`
  ///   - keys: of the same. `[tokens × keyWidth]`
  ///   - edits: the edit of each token, of `count`.
  func updates(
    _ neurons: AddedNeurons, at places: [Int], _ inputs: Matrix<Float>, keys: Matrix<Float>, edits: [Int],
    count: Int, after base: EditedWeights?, solver: WeightSolver
  ) throws -> [WeightUpdate] {
    func earlier(_ name: String) -> [Double] { base?[name]?.trained?.retentions ?? [] }
    // Gate and up may be parts of one tensor.
    var rows: [(name: String, isInputMajor: Bool, places: [Int], numbers: Matrix<Float>)] = []
    for (part, numbers) in [(tensors.first, neurons.first), (tensors.up, neurons.up)] {
      guard let part, let numbers else { continue }
      let own = places.map { part.first + $0 }
      if let same = rows.firstIndex(where: { $0.name == part.name }) {
        rows[same].places += own
        rows[same].numbers = rows[same].numbers.stacked(on: numbers)
      } else {
        rows.append((part.name, part.isInputMajor, own, numbers))
      }
    }
    var updates = try rows.map { part -> WeightUpdate in
      let tensor = try model.tensor(part.name)
      let bytes = try Self.bytes(of: tensor, network, model)
      let way: TensorChange.Orientation = part.isInputMajor ? .inputMajor : .outputMajor
      let whole = try tensor.floats(bytes, way)
      let before = whole.selecting(rows: part.places)
      let edited = try tensor.replacing(part.places, with: part.numbers, in: bytes, way)
      var kept = try tensor.floats(edited, way).selecting(rows: part.places)
      var asked = part.numbers
      kept.subtract(before)
      asked.subtract(before)
      let shares = inputs.times(kept, otherTransposed: true)
        .shares(of: inputs.times(asked, otherTransposed: true), edits: edits, count: count)
      var trained = WeightUpdate.Trained(bytes: edited, retentions: earlier(part.name) + shares)
      // Bytes of blocks tell nothing of the numbers.
      if tensor.elementType.hasCodes {
        trained.relativeNorm = (kept.elements.sumOfSquares / max(whole.elements.sumOfSquares, 1e-300))
          .squareRoot()
      }
      return WeightUpdate(
        tensor: tensor, orientation: way, trained: trained, inputWidth: inputs.columns)
    }
    if let bias = tensors.bias {
      let tensor = try model.tensor(bias)
      var numbers = tensor.elementType.decoded(try Self.bytes(of: tensor, network, model))
      for (neuron, place) in places.enumerated() { numbers[place] = neurons.bias[neuron] }
      let edited = try tensor.elementType.encoded(numbers)
      let kept = tensor.elementType.decoded(edited)
      let share = places.enumerated().reduce(into: (0.0, 0.0)) { sums, neuron in
        let wanted = Double(neurons.bias[neuron.offset])
        sums.0 += Double(kept[neuron.element]) * wanted
        sums.1 += wanted * wanted
      }
      updates.append(
        WeightUpdate(
          tensor: tensor, orientation: .outputMajor,
          trained: .init(
            bytes: edited,
            retentions: earlier(bias)
              + [Double](repeating: share.1 > 0 ? share.0 / share.1 : 1, count: count)), inputWidth: 1))
    }
    updates.append(
      try down(neurons, at: places, inputs, keys: keys, edits: edits, count, earlier(tensors.down), solver))
    return updates
  }

  private func down(
    _ neurons: AddedNeurons, at places: [Int], _ inputs: Matrix<Float>, keys: Matrix<Float>, edits: [Int],
    _ count: Int, _ earlier: [Double], _ solver: WeightSolver
  ) throws -> WeightUpdate {
    let tensor = try model.tensor(tensors.down)
    let bytes = try Self.bytes(of: tensor, network, model)
    let active = neurons.run(inputs, in: network).activations
    var change = Matrix<Float>(rows: weight.rows, columns: weight.columns)
    var keys = keys
    for (neuron, place) in places.enumerated() {
      for row in 0..<weight.rows { change[row, place] = neurons.columns[neuron, row] - weight[row, place] }
      for token in 0..<keys.rows { keys[token, place] = active[token, neuron] }
    }
    let edited =
      tensor.elementType.hasCodes
      ? try solver.choose(change, of: tensor, bytes, keys: keys)
      : try tensor.adding(change, to: bytes, way, solver.options)
    var kept = try tensor.floats(edited, way)
    kept.subtract(weight)
    let shares = keys.times(kept, otherTransposed: true)
      .shares(of: keys.times(change, otherTransposed: true), edits: edits, count: count)
    var trained = WeightUpdate.Trained(bytes: edited, retentions: earlier + shares)
    if tensor.elementType.hasCodes {
      trained.relativeNorm = (kept.elements.sumOfSquares / weight.elements.sumOfSquares).squareRoot()
    }
    return WeightUpdate(tensor: tensor, orientation: way, trained: trained, inputWidth: weight.columns)
  }
}

extension TensorInfo {
  /// A stored weight with other numbers in some rows, each rounded to nearest; rows of quantized tensors are coded anew.
  fileprivate func replacing(
    _ places: [Int], with numbers: Matrix<Float>, in bytes: [UInt8], _ way: TensorChange.Orientation
  ) throws -> [UInt8] {
    if let (row, column) = numbers.firstNonFinite() {
      throw PatchError.updateNotFinite(tensor: name, index: places[row] * shape[1] + column)
    }
    var bytes = bytes
    if way == .outputMajor {
      let size = byteCount / shape[0]
      for (row, place) in places.enumerated() {
        bytes.replaceSubrange(
          place * size..<(place + 1) * size, with: try elementType.encoded(Array(numbers.row(row))))
      }
      return bytes
    }
    let size = elementType.bitCount / 8
    guard elementType.blockElementCount == 1 else {
      throw PatchError.notEditable(tensor: name, elementType: elementType)
    }
    for (row, place) in places.enumerated() {
      let encoded = try elementType.encoded(Array(numbers.row(row)))
      for column in 0..<numbers.columns {
        let start = (column * shape[1] + place) * size
        bytes.replaceSubrange(start..<start + size, with: encoded[column * size..<(column + 1) * size])
      }
    }
    return bytes
  }
}

extension Matrix<Float> {
  /// Of each edit ⟨these, asked⟩ / ⟨asked, asked⟩ over its rows; one where nothing is asked.
  fileprivate func shares(of asked: Matrix, edits: [Int], count: Int) -> [Double] {
    var products = [Double](repeating: 0, count: count)
    var squares = products
    for row in 0..<rows {
      for (got, wanted) in zip(self.row(row), asked.row(row)) {
        products[edits[row]] += Double(got) * Double(wanted)
        squares[edits[row]] += Double(wanted) * Double(wanted)
      }
    }
    return zip(products, squares).map { $1 > 0 ? $0 / $1 : 1 }
  }
}
