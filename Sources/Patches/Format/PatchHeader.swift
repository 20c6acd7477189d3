internal import Floor
internal import ModelFiles

/// The fixed first 40 bytes. `Formats/patch.md`, *Header*.
struct PatchHeader {
  static let byteCount = 40
  static let magic = FileContent.patchMagic
  static let version: UInt32 = 1
  static let manifestLimit: UInt64 = 1 << 28
  static let blockLimit: UInt64 = 1 << 24

  let manifestCount: Int
  let blockCount: Int
  let fileSize: Int
  let features: PatchFeatures

  /// Where the first block begins.
  var payloadOffset: Int { Self.byteCount + manifestCount + BlockInfo.byteCount * blockCount }

  /// The header as stored.
  var bytes: [UInt8] {
    Self.magic + UInt64(Self.version).littleEndianBytes(4)
      + features.rawValue.littleEndianBytes(4)
      + UInt64(manifestCount).littleEndianBytes(8)
      + UInt64(blockCount).littleEndianBytes(8) + UInt64(fileSize).littleEndianBytes(8)
  }

  init(manifestCount: Int, blockCount: Int, payloadCount: Int, features: PatchFeatures) {
    self.features = features
    self.manifestCount = manifestCount
    self.blockCount = blockCount
    fileSize =
      Self.byteCount + manifestCount + BlockInfo.byteCount * blockCount + payloadCount + Digest.byteCount
  }

  /// Reads and bounds the header of a file of this size.
  init(parsing bytes: [UInt8], file: String, fileSize: Int) throws(PatchError) {
    guard bytes.starts(with: Self.magic) else { throw .notAPatch(file: file, found: FileContent(bytes[...])) }
    guard fileSize >= Self.byteCount + Digest.byteCount else {
      throw .wrongLength(
        file: file, expected: UInt64(Self.byteCount + Digest.byteCount), found: UInt64(fileSize))
    }
    let version = UInt32(littleEndianBytes: bytes[8..<12])
    guard version == Self.version else {
      throw .unknownVersion(file: file, found: version, known: Self.version)
    }
    features = PatchFeatures(rawValue: UInt32(littleEndianBytes: bytes[12..<16]))
    let unknown = features.subtracting(.known)
    guard unknown.isEmpty else { throw .unknownFeature(file: file, bits: unknown.rawValue) }
    let manifest = UInt64(littleEndianBytes: bytes[16..<24])
    guard manifest <= Self.manifestLimit else {
      throw .manifestTooLarge(file: file, length: manifest, limit: Self.manifestLimit)
    }
    let blocks = UInt64(littleEndianBytes: bytes[24..<32])
    guard blocks <= Self.blockLimit else {
      throw .tooManyBlocks(file: file, count: blocks, limit: Self.blockLimit)
    }
    let declared = UInt64(littleEndianBytes: bytes[32..<40])
    guard declared == UInt64(fileSize) else {
      throw .wrongLength(file: file, expected: declared, found: UInt64(fileSize))
    }
    manifestCount = Int(manifest)
    blockCount = Int(blocks)
    self.fileSize = fileSize
    guard payloadOffset <= fileSize - Digest.byteCount else {
      throw .wrongLength(
        file: file, expected: UInt64(payloadOffset + Digest.byteCount), found: UInt64(fileSize))
    }
  }
}
