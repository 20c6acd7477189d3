internal import Floor

/// How a block's stored bytes become its content. `Formats/patch.md`, *Block table*.
enum BlockCoding: UInt32, Sendable {
  case stored = 0
  case zstd = 1
  case zstdPlanesOf2 = 2
  case zstdPlanesOf4 = 3
  case choices = 4
  case differences = 5

  /// Whether the content is computed against a tensor's tile, not stored.
  var isRelative: Bool { self == .choices || self == .differences }

  /// Bytes of an element whose planes were taken apart.
  var planeCount: Int {
    switch self {
    case .zstdPlanesOf2: 2
    case .zstdPlanesOf4: 4
    default: 1
    }
  }
}

/// One row of the block table.
struct BlockInfo: Sendable {
  static let byteCount = 48
  /// Longest decoded block, and the size of a tile.
  static let decodedLimit = 1 << 20
  static let storedLimit = 1 << 24

  let storedCount: Int
  let decodedCount: Int
  let coding: BlockCoding
  let digest: Digest
  /// Where the stored bytes begin in the patch.
  var byteOffset = 0

  /// Whether the stored bytes are the content.
  var isPlain: Bool { coding == .stored && storedCount == decodedCount }

  /// The row as stored.
  var row: [UInt8] {
    UInt64(storedCount).littleEndianBytes(8) + UInt64(decodedCount).littleEndianBytes(4)
      + UInt64(coding.rawValue).littleEndianBytes(4) + digest.bytes
  }

  init(storedCount: Int, decodedCount: Int, coding: BlockCoding, digest: Digest) {
    self.storedCount = storedCount
    self.decodedCount = decodedCount
    self.coding = coding
    self.digest = digest
  }

  /// Reads and bounds a row.
  init(row: ArraySlice<UInt8>, file: String, block: Int, byteOffset: Int) throws(PatchError) {
    let start = row.startIndex
    let stored = UInt64(littleEndianBytes: row[start..<start + 8])
    let decoded = UInt64(littleEndianBytes: row[start + 8..<start + 12])
    let code = UInt32(littleEndianBytes: row[start + 12..<start + 16])
    guard let coding = BlockCoding(rawValue: code) else {
      throw .unknownCoding(file: file, block: block, coding: code)
    }
    guard stored <= UInt64(Self.storedLimit), decoded <= UInt64(coding.isRelative ? 0 : Self.decodedLimit)
    else {
      throw .blockTooLarge(file: file, block: block)
    }
    self.init(
      storedCount: Int(stored), decodedCount: Int(decoded), coding: coding,
      digest: Digest(stored: row[start + 16..<start + 48]))
    self.byteOffset = byteOffset
  }
}
