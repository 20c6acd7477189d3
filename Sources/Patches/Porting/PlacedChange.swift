internal import LinearAlgebra
internal import ModelFiles

/// A low-rank change told by its place in the network instead of its tensor's name.
struct PlacedChange: Sendable {
  /// The tensor's name in the patch.
  let source: String
  let change: LowRankChange
  let family: ModelFamily
  let place: TensorPlace
  /// The container that the patch was made on: it decides orientation and row order.
  let format: ModelFile.Format
  /// Whether the left factor belongs to the outputs. `diff` calls every matrix output-major, so the patch's own word is
  /// compared with what the family declares.
  let leftIsOutput: Bool

  init(
    _ change: LowRankChange, _ name: String, of family: ModelFamily, patch: String
  ) throws(PortError) {
    guard let place = family.place(of: name), !place.isBias else {
      throw .unknownTensor(tensor: name, patch: patch, family: family.name)
    }
    source = name
    self.change = change
    self.family = family
    self.place = place
    format = family.tensorNames(of: place, in: .gguf).contains(name) ? .gguf : .safetensors
    leftIsOutput =
      (change.shape.orientation == .inputMajor) == family.storesInputMajor(place.role, in: format)
  }

  var outputWidth: Int { leftIsOutput ? change.shape.outputWidth : change.shape.inputWidth }
  var inputWidth: Int { leftIsOutput ? change.shape.inputWidth : change.shape.outputWidth }

  /// Whether the two containers order the rows of the weight by head, each in its own way.
  func needsHeads(for target: ModelFile.Format) -> Bool {
    target != format && family.ggufRowOrder(of: place.role) != nil
  }

  /// For each output in a container the output here; `nil` where they stand in one order.
  ///
  /// - Parameter model: where the number of heads was looked for.
  func outputs(
    in target: ModelFile.Format, heads: AttentionHeads?, model: String
  ) throws(PortError) -> [Int]? {
    guard target != format, let order = family.ggufRowOrder(of: place.role) else { return nil }
    let own = place.role == .key ? heads?.keyValue : heads?.query
    guard let own,
      let rows = order.safetensorsRows(count: outputWidth, heads: own, keyValueHeads: heads?.keyValue)
    else {
      throw .unknownHeadCount(tensor: source, model: model)
    }
    return target == .gguf ? rows : rows.inverse
  }

  /// Δ as [outputs × inputs], its rows in another order; exact, since scales of factors are powers of two.
  func update(from patch: PatchFile, outputs: [Int]?) throws -> LowRankFactors {
    let stored = try StoredFactors(of: change, source, in: patch).update(of: change.shape)
    let left = leftIsOutput ? stored.left : stored.right.transposed()
    let right = leftIsOutput ? stored.right : stored.left.transposed()
    guard let outputs else { return LowRankFactors(left: left, right: right) }
    return LowRankFactors(
      left: Matrix(rows: left.rows, columns: left.columns, elements: outputs.flatMap { left.row($0) }),
      right: right)
  }

  /// Where a weight of the sample stands: output and input.
  func samplePosition(_ index: Int) -> (output: Int, input: Int) {
    let (first, second) = WeightSample.position(
      index, outputWidth: change.shape.outputWidth, inputWidth: change.shape.inputWidth)
    return leftIsOutput ? (first, second) : (second, first)
  }
}

extension Array where Element == Int {
  /// The permutation that leads back.
  var inverse: [Int] {
    var inverse = self
    for (position, value) in enumerated() { inverse[value] = position }
    return inverse
  }
}
