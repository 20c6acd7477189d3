internal import ModelFiles

/// Where a tensor's bytes are.
enum TensorContent: Sendable {
  /// In a file.
  case file(OpenFile)
  /// At hand, as if they began at this place of a file.
  case bytes([UInt8], at: Int)

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    switch self {
    case .file(let file): try file.read(into: buffer, at: offset)
    case .bytes(let bytes, let start):
      let first = offset - start
      bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[first..<first + buffer.count])) }
    }
  }
}

/// A tensor before and after, of one type and shape.
struct TensorPair: Sendable {
  let before: TensorInfo
  let after: TensorInfo
  let base: OpenFile
  let edited: TensorContent

  /// Number of tiles.
  var tileCount: Int { Tiling.count(before.byteCount) }

  /// Reads a tile of both, into buffers that are good until they are used again.
  func read(
    _ tile: Int, _ scratch: PairScratch
  ) throws -> (before: UnsafeMutableRawBufferPointer, after: UnsafeMutableRawBufferPointer) {
    let range = Tiling.range(tile, of: before.byteCount)
    let (old, new) = (scratch.before.bytes(range.count), scratch.after.bytes(range.count))
    try base.read(into: old, at: before.byteRange.lowerBound + range.lowerBound)
    try edited.read(into: new, at: after.byteRange.lowerBound + range.lowerBound)
    return (old, new)
  }

  /// A few tiles that stand for all.
  var sampleTiles: [Int] {
    let number = min(3, tileCount)
    return (0..<number).map { (2 * $0 + 1) * tileCount / (2 * number) }
  }
}

extension TensorPair {
  /// The tensor of this name in both models.
  init(_ name: String, _ comparison: ModelComparison) throws {
    let before = try comparison.base.tensor(name)
    let after = try comparison.edited.tensor(name)
    self.init(
      before: before, after: after, base: comparison.base.file(of: before),
      edited: .file(comparison.edited.file(of: after)))
  }
}
