internal import Floor
internal import ModelFiles

/// Blocks on their way into a patch, in a file without a name: memory does not grow with them, and a kill leaves nothing behind.
final class BlockSpool {
  /// A block under construction, one tile or factor run.
  struct Block: Sendable {
    let coding: BlockCoding
    let decodedCount: Int
    let stored: [UInt8]
    let digest: Digest

    init(coding: BlockCoding, decodedCount: Int, stored: [UInt8]) {
      self.coding = coding
      self.decodedCount = decodedCount
      self.stored = stored
      digest = Digest(of: stored)
    }
  }

  private let path: String
  private let file: OpenFile
  /// Bytes of all blocks.
  private(set) var byteCount = 0
  /// Their rows in the table.
  private(set) var blocks: [BlockInfo] = []

  /// Starts an empty one, in the folder of what it is for.
  init(for path: String) throws {
    self.path = path
    file = try OpenFile(namelessBeside: path)
  }

  /// Another one beside it, for blocks whose place in the patch is after others that are still to come.
  func aside() throws -> BlockSpool { try BlockSpool(for: path) }

  func append(_ block: Block) throws {
    try file.write(block.stored, at: byteCount)
    byteCount += block.stored.count
    blocks.append(
      BlockInfo(
        storedCount: block.stored.count, decodedCount: block.decodedCount, coding: block.coding,
        digest: block.digest))
  }

  /// Cuts a run of bytes into blocks.
  func append(_ bytes: [UInt8], planesOf planeCount: Int) throws -> Range<Int> {
    let first = blocks.count
    for tile in 0..<Tiling.count(bytes.count) {
      let piece = Array(bytes[Tiling.range(tile, of: bytes.count)])
      let (coding, stored) = BlockCoding.encode(piece, planesOf: planeCount)
      try append(Block(coding: coding, decodedCount: piece.count, stored: stored))
    }
    return first..<blocks.count
  }

  /// Takes over all blocks of another, and says which they are now.
  func append(_ other: BlockSpool) throws -> Range<Int> {
    try file.copy(0..<other.byteCount, of: other.file, to: byteCount)
    byteCount += other.byteCount
    let first = blocks.count
    blocks += other.blocks
    return first..<blocks.count
  }

  /// Writes the bytes of all blocks to their place.
  func copy(to target: OpenFile, at offset: Int) throws {
    try target.copy(0..<byteCount, of: file, to: offset)
  }
}
