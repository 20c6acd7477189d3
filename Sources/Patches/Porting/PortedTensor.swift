public import LinearAlgebra
public import ModelFiles

/// What becomes of tensors whose elements share scales: in most such types a change as small as an edit drowns in the
/// rounding.
public enum Promotion: String, CaseIterable, Sendable {
  case f16
  case bf16
  case q8_0
  case keep

  /// The type of a touched tensor afterwards; elements that stand alone keep theirs.
  public func elementType(for type: ElementType) -> ElementType {
    guard type.blockElementCount > 1 else { return type }
    switch self {
    case .f16: return .f16
    case .bf16: return .bf16
    case .q8_0: return .q8_0
    case .keep: return type
    }
  }
}

/// A change that found its tensor in another form of the model.
public struct PortedTensor: Sendable {
  /// The tensor's name in the patch.
  public let source: String
  /// The tensor in the model.
  public let tensor: TensorInfo
  /// Its element type afterwards.
  public let resultType: ElementType
  /// Pearson's correlation of the sample with the model's weights.
  public let correlation: Double
  /// Whether the patch also holds a difference that makes its own result exact, which is left out here.
  public let dropsDifference: Bool
  let change: LowRankChange
  let orientation: TensorChange.Orientation
  /// Δ as [outputs × inputs], rows in the model's order.
  let update: LowRankFactors
  /// The edits' keys, where the patch carries them. `[edits × inputs]`
  public let keys: Matrix<Float>?
  /// The bytes as chosen codes leave them; `nil` where elements stand alone, are promoted, or are rounded each by itself.
  var chosen: AwareRounding.Result?

  /// Bytes of the tensor afterwards.
  public var resultByteCount: Int {
    TensorForm(elementType: resultType, shape: tensor.shape).byteCount
  }

  /// Whether elements share scales.
  var isOfBlocks: Bool { !tensor.elementType.isEditable }
  /// Whether elements share scales and are rounded, or promoted, each by itself.
  var isConverted: Bool { isOfBlocks && chosen == nil }
  /// Whether its codes were chosen by what the edit is for.
  public var isChosen: Bool { chosen != nil }
  /// Whether its codes can be chosen by what the edit is for: the type has codes and stays, and the patch carries the edit's keys.
  public var canChoose: Bool {
    tensor.elementType.hasCodes && resultType == tensor.elementType && orientation == .outputMajor
      && keys != nil
  }

  /// Correlation that the same weights have at least. Rounding to 16 bits takes away less than a hundred-thousandth. Of block
  /// types, over samples of 128 weights as models have them: Q4_K keeps 0.992 or more, Q3_K 0.96, Q2_K 0.89; types of fewer
  /// bits cannot be told from another model's.
  static func threshold(for type: ElementType) -> Double { type.isEditable ? 0.99 : 0.85 }

  /// Finds the tensor and compares: its shape, then a sample of its weights.
  init(
    _ placed: PlacedChange, of patch: PatchFile, in model: ModelFile, heads: AttentionHeads?,
    promotion: Promotion
  ) throws {
    change = placed.change
    source = placed.source
    let found = placed.family.tensorName(of: placed.place, in: model)
    try model.requirePlain(found)
    guard let name = found else {
      let names = placed.family.tensorNames(of: placed.place, in: model.format)
      throw PortError.noSuchTensor(
        tensor: source, model: model.path, names: names, near: model.names(near: names))
    }
    tensor = try model.tensor(name)
    let file = model.file(of: tensor)
    let isInputMajor = placed.family.storesInputMajor(placed.place.role, in: model.format)
    orientation = isInputMajor ? .inputMajor : .outputMajor
    let (outputWidth, inputWidth) = (placed.outputWidth, placed.inputWidth)
    let shape = isInputMajor ? [inputWidth, outputWidth] : [outputWidth, inputWidth]
    guard tensor.shape == shape else {
      throw PatchError.tensorMismatch(
        tensor: name, model: file.path,
        expected: TensorForm(elementType: tensor.elementType, shape: shape).description,
        found: TensorForm(tensor).description)
    }
    resultType = promotion.elementType(for: tensor.elementType)
    // A part of a tensor has the type of the whole.
    guard resultType == tensor.elementType || model.contains(name) else {
      throw PortError.notConvertible(tensor: name, file: file.path, elementType: tensor.elementType)
    }
    guard tensor.elementType.isDecodable else {
      throw PortError.notConvertible(tensor: name, file: file.path, elementType: tensor.elementType)
    }
    guard resultType.isEncodable, shape[1] % resultType.blockElementCount == 0 else {
      throw PortError.notConvertible(tensor: name, file: file.path, elementType: resultType)
    }
    dropsDifference = change.hasDifference
    let outputs = try placed.outputs(in: model.format, heads: heads, model: model.path)
    update = try placed.update(from: patch, outputs: outputs)
    keys = try patch.resolveMatrix(source + ".keys").flatMap { $0.columns == inputWidth ? Matrix($0) : nil }
    guard let sample = change.sample else { throw PortError.noSample(tensor: source, patch: patch.path) }
    correlation = try PortedTensor.compare(
      sample, placed, rows: outputs?.inverse, with: tensor, in: file, isInputMajor: isInputMajor, update)
  }

  /// Compares the sample with the tensor's weights at the same places.
  ///
  /// - Parameter rows: for each output of the patch the one of the model.
  private static func compare(
    _ sample: WeightSample, _ placed: PlacedChange, rows: [Int]?, with tensor: TensorInfo, in file: OpenFile,
    isInputMajor: Bool, _ update: LowRankFactors
  ) throws -> Double {
    var found: [Float] = []
    // ‖w − s‖² and ‖w − s − Δ‖² over the sample: small is which of the two?
    var (toBase, toResult) = (0.0, 0.0)
    for (index, base) in sample.values.enumerated() {
      let (source, input) = placed.samplePosition(index)
      let output = rows?[source] ?? source
      let element = isInputMajor ? input * tensor.shape[1] + output : output * tensor.shape[1] + input
      let weight = try tensor.weight(element, in: file)
      found.append(weight)
      guard weight.isFinite, base.isFinite else { continue }
      let moved = Double(weight) - Double(base)
      let change = (0..<update.rank).reduce(0.0) { $0 + update.left[output, $1] * update.right[$1, input] }
      toBase += moved * moved
      toResult += (moved - change) * (moved - change)
    }
    let correlation = sample.correlation(with: found)
    guard toResult >= toBase / 4 else {
      throw PortError.appliedAlready(tensor: tensor.name, file: file.path)
    }
    let threshold = threshold(for: tensor.elementType)
    guard correlation >= threshold else {
      throw PortError.otherWeights(
        tensor: tensor.name, file: file.path, correlation: correlation, threshold: threshold)
    }
    return correlation
  }
}
