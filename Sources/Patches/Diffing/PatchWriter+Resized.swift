internal import Floor
internal import ModelFiles

extension PatchWriter {
  /// Adds a tensor that got or lost rows at its end.
  func appendResized(
    _ before: TensorInfo, of base: OpenFile, _ after: TensorInfo, of edited: OpenFile, threads: Int,
    progress: @Sendable (Int) -> Void
  ) throws {
    var change = ResizedChange(
      base: TensorSide(
        form: TensorForm(before), digest: try Digest(of: before, in: base, threads: threads)),
      result: TensorSide(
        form: TensorForm(after), digest: try Digest(of: after, in: edited, threads: threads)))
    let common = change.commonByteCount
    let pair = TensorPair(
      before: before.firstRows(change.commonRows, byteCount: common),
      after: after.firstRows(change.commonRows, byteCount: common), base: base, edited: .file(edited))
    let differences = try aside()
    var isSame = true
    var total = ChangeMeasure()
    let coder = try DifferenceCoder(pair)
    try forEachTile(
      pair.tileCount, threads: threads, state: { PairScratch() },
      { tile, scratch in
        let tile = try coder.code(tile, scratch)
        progress(tile.byteCount)
        return tile
      },
      take: { tile in
        try differences.append(tile.block)
        isSame = isSame && tile.base == tile.result
        total.add(tile.measure)
      })
    if !isSame { change.blocks.differences = try append(differences) }
    let (longer, file) = before.byteCount > after.byteCount ? (before, base) : (after, edited)
    let rows = longer.byteRange.lowerBound + common..<longer.byteRange.upperBound
    change.blocks.rows = try append(rows, of: file, longer.elementType)
    append(TensorChange(before.name, change, measured: total.json))
  }
}

extension TensorInfo {
  /// The first rows as a tensor of their own.
  fileprivate func firstRows(_ count: Int, byteCount: Int) -> TensorInfo {
    TensorInfo(
      name: name, elementType: elementType, shape: [count] + shape.dropFirst(),
      byteRange: byteRange.lowerBound..<byteRange.lowerBound + byteCount, shard: shard)
  }
}
