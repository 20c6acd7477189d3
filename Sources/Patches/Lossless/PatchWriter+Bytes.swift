internal import Kernels
public import LinearAlgebra
public import ModelFiles

extension PatchWriter {
  /// Adds a tensor whose edited bytes are at hand, as the difference of its elements.
  ///
  /// - Parameters:
  ///   - edited: as many bytes as the tensor has.
  ///   - measured: what to note for people, given what the change amounts to.
  public func append(
    edited: [UInt8], of tensor: TensorInfo, of model: ModelFile, threads: Int,
    measured: (ChangeMeasure) -> JSONValue
  ) throws {
    precondition(edited.count == tensor.byteCount, "the bytes of one tensor")
    let pair = TensorPair(
      before: tensor, after: tensor, base: model.file(of: tensor),
      edited: .bytes(edited, at: tensor.byteRange.lowerBound))
    try appendDifference(pair, threads: threads, measured: measured) { _ in }
  }
}

extension TensorInfo {
  /// The numbers of a stored weight. `[outputWidth × inputWidth]`
  ///
  /// - Throws: `notEditable`, `notAMatrix`.
  public func floats(_ bytes: [UInt8], _ orientation: TensorChange.Orientation) throws -> Matrix<Float> {
    try requireWeight()
    var floats: [Float] = []
    bytes.withUnsafeBytes { elementType.convert($0.baseAddress!, count: elementCount, into: &floats) }
    let stored = Matrix(rows: shape[0], columns: shape[1], elements: floats)
    return orientation == .outputMajor ? stored : stored.transposed()
  }

  /// A stored weight with a change added and rounded.
  ///
  /// - Parameter change: `[outputWidth × inputWidth]`
  /// - Throws: `notEditable`, `notAMatrix`, `factorShape`, `roundingNotDefined`, `updateNotFinite`.
  public func adding(
    _ change: Matrix<Float>, to bytes: [UInt8], _ orientation: TensorChange.Orientation,
    _ options: LowRankOptions
  ) throws -> [UInt8] {
    try requireWeight()
    let change = orientation == .outputMajor ? change : change.transposed()
    guard [change.rows, change.columns] == shape else {
      throw PatchError.factorShape(tensor: name, expected: shape, found: [change.rows, change.columns])
    }
    if let (row, column) = change.firstNonFinite() {
      throw PatchError.updateNotFinite(tensor: name, index: row * change.columns + column)
    }
    var rounding = errata_rounding(is_stochastic: 0, seed: 0)
    if case .stochastic(let seed) = options.rounding {
      guard elementType == .f16 || elementType == .bf16 else {
        throw PatchError.roundingNotDefined(tensor: name, elementType: elementType)
      }
      rounding = errata_rounding(is_stochastic: 1, seed: seed)
    }
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { edited, count in
      change.withUnsafeBufferPointer { sums in
        bytes.withUnsafeBytes {
          errata_add(
            elementType.kernelType, rounding, $0.baseAddress, sums.baseAddress, edited.baseAddress,
            elementCount, 0)
        }
      }
      count = bytes.count
    }
  }

  private func requireWeight() throws {
    guard elementType.isEditable else {
      throw PatchError.notEditable(tensor: name, elementType: elementType)
    }
    guard shape.count == 2, elementCount > 0 else { throw PatchError.notAMatrix(tensor: name, shape: shape) }
  }
}
