import Floor
@testable import Patches

/// A patch taken apart, to be put together again with a fault in it and digests that know nothing of it.
struct PatchParts {
  var manifest: String
  var blocks: [(stored: [UInt8], decodedCount: Int, coding: UInt32)] = []

  init(_ bytes: [UInt8]) {
    let manifestCount = Int(number(bytes[16..<24]))
    let blockCount = Int(number(bytes[24..<32]))
    manifest = String(decoding: bytes[40..<40 + manifestCount], as: UTF8.self)
    var offset = 40 + manifestCount + 48 * blockCount
    for block in 0..<blockCount {
      let row = 40 + manifestCount + 48 * block
      let count = Int(number(bytes[row..<row + 8]))
      blocks.append(
        (
          Array(bytes[offset..<offset + count]), Int(number(bytes[row + 8..<row + 12])),
          UInt32(number(bytes[row + 12..<row + 16]))
        ))
      offset += count
    }
  }

  /// Replaces a piece of the manifest, which must be there.
  mutating func replace(_ text: String, _ other: String) {
    guard let range = manifest.firstRange(of: text) else {
      preconditionFailure("the manifest has no \(text)")
    }
    manifest.replaceSubrange(range, with: other)
  }

  /// The file, with its digests made to fit.
  var sealed: [UInt8] { sealed(manifest: Array(manifest.utf8)) }

  /// The same with another manifest, which may be anything.
  func sealed(manifest text: [UInt8]) -> [UInt8] {
    let rows = blocks.flatMap { block in
      littleEndian(UInt64(block.stored.count), 8) + littleEndian(UInt64(block.decodedCount), 4)
        + littleEndian(UInt64(block.coding), 4) + Digest(of: block.stored).bytes
    }
    let payload = blocks.flatMap(\.stored)
    let front =
      PatchHeader.magic + littleEndian(1, 4) + littleEndian(0, 4) + littleEndian(UInt64(text.count), 8)
      + littleEndian(UInt64(blocks.count), 8)
      + littleEndian(UInt64(40 + text.count + rows.count + payload.count + 32), 8) + text + rows
    return front + payload + Digest(of: front).bytes
  }
}

/// The low bytes of a number, least significant first.
func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] { value.littleEndianBytes(count) }

/// The number that bytes spell, least significant first.
func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { UInt64(littleEndianBytes: bytes) }
