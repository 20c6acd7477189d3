internal import LinearAlgebra
internal import ModelFiles

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
