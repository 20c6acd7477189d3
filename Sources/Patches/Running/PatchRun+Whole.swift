internal import ModelFiles

extension TensorChange {
  /// The tensor as a direction leaves it; `nil` when it is gone then.
  func side(_ direction: PatchRun.Direction) -> TensorSide? { direction == .apply ? after : before }
}

extension PatchRun {
  /// Writes a tensor that does not go tile by tile to its place in a new file; its digest is the caller's to compare.
  func write(
    whole change: TensorChange, _ direction: Direction, to target: OpenFile, at place: Int,
    progress: @Sendable (Int) -> Void
  ) throws {
    switch change.kind {
    case .replaced(let own):
      try write(direction == .apply ? own.blocks.result : own.blocks.base, to: target, at: place, progress)
    case .added(let own): try write(own.data, to: target, at: place, progress)
    case .removed(let own): try write(own.data, to: target, at: place, progress)
    case .lowRank, .difference, .scaled: preconditionFailure("such a change goes tile by tile")
    }
  }

  /// Writes what blocks decode to, one after another.
  private func write(
    _ blocks: Range<Int>, to target: OpenFile, at place: Int, _ progress: @Sendable (Int) -> Void
  ) throws {
    var offset = place
    for block in blocks {
      let bytes = try patch.content(block..<block + 1)
      try target.write(bytes, at: offset)
      offset += bytes.count
      progress(bytes.count)
    }
  }
}
