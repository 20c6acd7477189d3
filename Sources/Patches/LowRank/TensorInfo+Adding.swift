internal import Kernels
public import LinearAlgebra
public import ModelFiles

extension TensorInfo {
  /// The numbers of a stored weight. `[outputWidth × inputWidth]`
  ///
  /// - Throws: `notEditable`, `notAMatrix`.
  public func floats(_ bytes: [UInt8], _ orientation: TensorChange.Orientation) throws -> Matrix<Float> {
    try requireWeight()
    let floats = elementType.decoded(bytes)
    let stored = Matrix(rows: shape[0], columns: shape[1], elements: floats)
    return orientation == .outputMajor ? stored : stored.transposed()
  }

  /// A stored weight with a change added and rounded.
  ///
  /// - Parameter change: `[outputWidth × inputWidth]`
  /// - Throws: `notEditable`, `notAMatrix`, `factorShape`, `roundingNotDefined`, `updateNotFinite`, `resultNotFinite`.
  public func adding(
    _ change: Matrix<Float>, to bytes: [UInt8], _ orientation: TensorChange.Orientation,
    _ options: LowRankOptions
  ) throws -> [UInt8] {
    try requireWeight()
    guard elementType.isEditable else { throw PatchError.notEditable(tensor: name, elementType: elementType) }
    let change = orientation == .outputMajor ? change : change.transposed()
    guard [change.rows, change.columns] == shape else {
      throw PatchError.factorShape(tensor: name, expected: shape, found: [change.rows, change.columns])
    }
    if let (row, column) = change.firstNonFinite() {
      throw PatchError.updateNotFinite(tensor: name, index: row * change.columns + column)
    }
    guard options.rounding.isDefined(for: elementType) else {
      throw PatchError.roundingNotDefined(tensor: name, elementType: elementType)
    }
    let edited = [UInt8](unsafeUninitializedCapacity: bytes.count) { edited, count in
      change.withUnsafeBufferPointer { sums in
        bytes.withUnsafeBytes {
          errata_add(
            elementType.kernelType, options.rounding.kernelRounding, $0.baseAddress, sums.baseAddress,
            edited.baseAddress, elementCount, 0)
        }
      }
      count = bytes.count
    }
    try requireFinite(edited, where: bytes)
    return edited
  }

  /// Demands a weight that can be edited: a matrix of numbers that stand alone, or have codes of their own.
  public func requireWeight() throws(PatchError) {
    guard elementType.isEditable || elementType.hasCodes else {
      throw .notEditable(tensor: name, elementType: elementType)
    }
    guard shape.count == 2, elementCount > 0 else { throw .notAMatrix(tensor: name, shape: shape) }
  }
}

extension TensorInfo {
  /// Refuses a result that is infinite or NaN where the base is a number: rounding to the element type has the last word, so this
  /// is asked after it.
  ///
  /// - Throws: `resultNotFinite` with the first such element.
  func requireFinite(
    _ edited: UnsafeBufferPointer<Float>, where base: UnsafeBufferPointer<Float>, from first: Int, count: Int
  ) throws(PatchError) {
    for index in 0..<count where !edited[index].isFinite && base[index].isFinite {
      throw .resultNotFinite(tensor: name, index: first + index, elementType: elementType)
    }
  }

  /// The same of all bytes of an editable tensor.
  func requireFinite(_ edited: [UInt8], where base: [UInt8]) throws {
    var (before, after): ([Float], [Float]) = ([], [])
    let size = elementType.bitCount / 8
    // A stretch at a time: what is converted stays in the cache.
    for start in stride(from: 0, to: edited.count, by: 4096 * size) {
      let count = min(4096, (edited.count - start) / size)
      base.withUnsafeBytes { elementType.convert($0.baseAddress! + start, count: count, into: &before) }
      edited.withUnsafeBytes { elementType.convert($0.baseAddress! + start, count: count, into: &after) }
      try before.withUnsafeBufferPointer { before in
        try after.withUnsafeBufferPointer { after in
          try requireFinite(after, where: before, from: start / size, count: count)
        }
      }
    }
  }
}

extension LowRankFactors {
  /// A tensor with this update added and rounded, exactly as a patch of the same options would make it.
  ///
  /// - Parameters:
  ///   - tensor: the weight, of an editable type. Left factor `[outputWidth × rank]`, right `[rank × inputWidth]`.
  ///   - base: its bytes.
  /// - Returns: the edited tensor's bytes.
  /// - Throws: what `PatchWriter.append` throws for the same update.
  public func added(
    to tensor: TensorInfo, bytes base: [UInt8], orientation: TensorChange.Orientation, options: LowRankOptions
  ) throws -> [UInt8] {
    let shape = try LowRankForm(of: self, for: tensor, orientation, options)
    let transform = TileTransform(
      try StoredFactors(self, type: options.factorType, tensor: tensor.name), shape)
    let target = TensorBytes(base.count)
    try parallelFor(shape.tensor.tileCount, width: options.threads, state: { TileTransform.Scratch() }) {
      tile, scratch in
      let range = Tiling.range(tile, of: base.count)
      base.withUnsafeBytes {
        scratch.input.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range]))
      }
      transform.apply(tile, base: scratch.input.baseAddress!, edited: scratch.output.baseAddress!, scratch)
      target.write(UnsafeRawBufferPointer(rebasing: scratch.output[..<range.count]), at: range.lowerBound)
    }
    let edited = target.take()
    try tensor.requireFinite(edited, where: base)
    return edited
  }
}
