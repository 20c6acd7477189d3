internal import Floor
public import LinearAlgebra
public import ModelFiles
internal import Synchronization

extension PatchRun {
  /// The touched tensors as they are after the direction, in memory; the model is only read.
  ///
  /// - Returns: stored bytes by tensor name; every tile was checked against the patch's digests.
  /// - Throws: `wrongBase` for another model; `changesLayout` where tensors come, go or change type.
  public func tensors(_ direction: Direction) throws -> [String: [UInt8]] {
    if let whole = wholes.first { throw PatchError.changesTensors(file: patch.path, tensor: whole.name) }
    try check(direction)
    var tensors: [String: [UInt8]] = [:]
    for item in items.indices {
      let runner = try TileRunner(self, item: item, direction)
      let start = items[item].tensor.byteRange.lowerBound
      let target = TensorBytes(items[item].tensor.byteCount)
      try parallelFor(items[item].leaves.count, width: threads, state: { TileTransform.Scratch() }) {
        tile, scratch in
        let bytes = try runner.compute(tile, scratch)
        target.write(bytes, at: place(item, tile).lowerBound - start)
      }
      tensors[items[item].change.name] = target.take()
    }
    return tensors
  }
}

extension LowRankFactors {
  /// A tensor with this update added and rounded, exactly as a patch of the same options would make it.
  ///
  /// - Parameters:
  ///   - tensor: the weight, of an editable type. Left factor `[outputWidth × rank]`, right `[rank × inputWidth]`.
  ///   - base: its bytes.
  /// - Returns: the edited tensor's bytes.
  public func added(
    to tensor: TensorInfo, bytes base: [UInt8], orientation: TensorChange.Orientation, options: LowRankOptions
  ) throws -> [UInt8] {
    guard let stored = StoredFactors(self, type: options.factorType) else {
      throw PatchError.updateNotFinite(tensor: tensor.name, index: 0)
    }
    let none = Digest(of: [])
    let change = TensorChange(
      name: tensor.name, elementType: tensor.elementType, shape: tensor.shape, baseDigest: none,
      resultDigest: none, orientation: orientation, rank: stored.rank, factorType: options.factorType,
      rounding: options.rounding)
    let transform = TileTransform(stored, change: change)
    let target = TensorBytes(base.count)
    try parallelFor(change.tileCount, width: options.threads, state: { TileTransform.Scratch() }) {
      tile, scratch in
      let range = Tiling.range(tile, of: base.count)
      base.withUnsafeBytes {
        scratch.input.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range]))
      }
      transform.apply(tile, base: scratch.input.baseAddress!, edited: scratch.output.baseAddress!, scratch)
      target.write(UnsafeRawBufferPointer(rebasing: scratch.output[..<range.count]), at: range.lowerBound)
    }
    return target.take()
  }
}

/// A tensor's bytes that several threads fill side by side.
private final class TensorBytes: @unchecked Sendable {
  // SAFETY: allocated once with `count` bytes; tiles do not overlap, and `take` comes after all of them.
  private let base: UnsafeMutableRawBufferPointer

  init(_ count: Int) { base = .allocate(byteCount: count, alignment: 64) }
  deinit { base.deallocate() }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: base[offset..<offset + bytes.count]).copyMemory(from: bytes)
  }

  func take() -> [UInt8] { Array(base) }
}
