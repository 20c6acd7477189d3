internal import Floor
internal import Glibc
internal import Kernels
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

extension TensorChange {
  /// The tensor as a direction leaves it; `nil` when it is gone then.
  func side(_ direction: PatchRun.Direction) -> TensorSide? { direction == .apply ? after : before }

  /// The blocks that hold what a direction leads to, where it is stored whole.
  fileprivate func stored(_ direction: PatchRun.Direction) -> Range<Int>? {
    let stored = kind.own.stored
    return direction == .apply ? stored.result : stored.base
  }
}

extension PatchRun {
  /// Compares what is stored of a tensor with its digests, for both directions.
  func checkStored(_ change: TensorChange) throws {
    for direction in [Direction.apply, .revert] {
      guard let blocks = change.stored(direction), let side = change.side(direction) else { continue }
      let found = Mutex([Digest](repeating: side.digest, count: blocks.count))
      try parallelFor(blocks.count, width: threads, state: {}) { index, _ in
        let block = blocks.lowerBound + index
        let leaf = Digest(of: try patch.content(block..<block + 1))
        found.withLock { $0[index] = leaf }
      }
      guard Digest(leaves: found.withLock { $0 }) == side.digest else {
        throw PatchError.leafDigest(file: patch.path, tensor: change.name)
      }
    }
  }

  /// Writes a tensor that does not go tile by tile to its place in a new file; its digest is the caller's to compare.
  func write(
    whole change: TensorChange, _ direction: Direction, to target: OpenFile, at place: Int,
    progress: @Sendable (Int) -> Void
  ) throws {
    if case .resized(let own) = change.kind {
      return try write(own, change.name, direction, to: target, at: place, progress: progress)
    }
    if case .extended(let own) = change.kind {
      return try write(own, change.name, direction, to: target, at: place, progress: progress)
    }
    guard let blocks = change.stored(direction) else {
      preconditionFailure("what does not go tile by tile is stored whole")
    }
    try write(blocks, to: target, at: place, progress)
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

  /// Writes the common rows, as the differences make them of the model's own, and what the longer side has beyond them. Each
  /// tile is also taken back, and rows that go are compared: nothing is written that could not be reverted.
  private func write(
    _ change: ResizedChange, _ name: String, _ direction: Direction, to target: OpenFile, at place: Int,
    progress: @Sendable (Int) -> Void
  ) throws {
    let tensor = try model.tensor(name)
    let file = model.file(of: tensor)
    let common = change.commonByteCount
    let kind = change.form.elementType.order
    try parallelFor(Tiling.count(common), width: threads, state: { TileTransform.Scratch() }) {
      tile, scratch in
      let range = Tiling.range(tile, of: common)
      let input = UnsafeMutableRawBufferPointer(rebasing: scratch.input[..<range.count])
      let output = UnsafeMutableRawBufferPointer(rebasing: scratch.output[..<range.count])
      try file.read(into: input, at: tensor.byteRange.lowerBound + range.lowerBound)
      let block =
        change.blocks.differences.isEmpty
        ? [] : try patch.storedBytes(change.blocks.differences.lowerBound + tile)
      if block.isEmpty {
        output.copyMemory(from: UnsafeRawBufferPointer(input))
      } else {
        let (count, first) = (range.count / Int(kind.width), range.lowerBound / Int(kind.width))
        func add(_ isForward: Bool, _ source: UnsafeRawBufferPointer, _ result: UnsafeMutableRawBufferPointer)
          -> Bool
        {
          DifferenceBlock.add(
            kind, block, isForward: isForward, source: source.baseAddress!, target: result.baseAddress!,
            count: count, first: first, scratch.coder)
        }
        let back = UnsafeMutableRawBufferPointer(rebasing: scratch.middle[..<range.count])
        guard add(direction == .apply, UnsafeRawBufferPointer(input), output),
          add(direction == .revert, UnsafeRawBufferPointer(output), back),
          memcmp(back.baseAddress!, input.baseAddress!, range.count) == 0
        else {
          throw PatchError.blockDecoding(
            file: patch.path, block: change.blocks.differences.lowerBound + tile)
        }
      }
      try target.write(UnsafeRawBufferPointer(output), at: place + range.lowerBound)
      progress(range.count)
    }
    guard let side = direction == .apply ? change.after : change.before else { return }
    if side.form.byteCount > common {
      return try write(change.blocks.rows, to: target, at: place + common, progress)
    }
    var offset = tensor.byteRange.lowerBound + common
    for block in change.blocks.rows {
      let bytes = try patch.content(block..<block + 1)
      guard try file.read(bytes.count, at: offset) == bytes else {
        throw PatchError.leafDigest(file: patch.path, tensor: name)
      }
      offset += bytes.count
    }
  }
}
