import Floor
import ModelFiles

@testable import Patches

/// An input cut where its format does, and put together again with lengths and checksums that are right.
struct Parts {
  private enum Kind { case patch, journal, safetensors, packed, json, lines, texts }
  private let kind: Kind
  /// patch: header, manifest, rows of the block table, blocks. journal: note, slot. safetensors: header, data. packed: configuration,
  /// header, data. json: all. lines: each. texts: what a zero byte ends.
  private var pieces: [[UInt8]]
  /// The patch in a journal.
  private var inner: [[UInt8]] = []

  private static let kinds: [String: Kind] = [
    "patch": .patch, "memory": .patch, "journal": .journal, "safetensors": .safetensors,
    "statistics": .safetensors, "keys": .safetensors, "values": .safetensors, "editor": .safetensors,
    "packed": .packed, "index": .json, "facts": .json, "bundle": .json,
    "configuration": .json, "tokenizer": .json, "recipe": .json, "contexts": .json, "trace": .json,
    "references": .json, "weights": .json, "json": .json, "record": .lines, "answers": .lines,
    "choices": .lines, "part": .lines, "vocabulary": .texts, "chat": .texts, "frequencies": .texts,
  ]

  /// `nil` where an input is not of its target's form, or the form has no parts.
  init?(_ bytes: [UInt8], _ target: String) {
    guard let kind = Parts.kinds[target] else { return nil }
    self.kind = kind
    switch kind {
    case .patch:
      guard let cut = Parts.cut(patch: bytes) else { return nil }
      pieces = cut
    case .journal:
      guard bytes.count >= 56 else { return nil }
      let note = Int(clamping: UInt64(littleEndianBytes: bytes[8..<16]))
      let patch = Int(clamping: UInt64(littleEndianBytes: bytes[16..<24]))
      guard note <= bytes.count - 56, patch <= bytes.count - 56 - note,
        let cut = Parts.cut(patch: Array(bytes[56 + note..<56 + note + patch]))
      else { return nil }
      let slot = min((56 + note + patch + 4095) / 4096 * 4096, bytes.count)
      pieces = [Array(bytes[56..<56 + note]), Array(bytes[slot...])]
      inner = cut
    case .safetensors:
      guard let cut = Parts.cut(safetensors: bytes[...]) else { return nil }
      pieces = cut
    case .packed:
      guard let end = bytes.firstIndex(of: 0), let cut = Parts.cut(safetensors: bytes[(end + 1)...]) else {
        return nil
      }
      pieces = [Array(bytes[..<end])] + cut
    case .texts:
      pieces = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
    case .json: pieces = [bytes]
    case .lines:
      pieces = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
      if pieces.last == [] { pieces.removeLast() }
      if pieces.isEmpty { return nil }
    }
  }

  private static func cut(safetensors bytes: ArraySlice<UInt8>) -> [[UInt8]]? {
    guard bytes.count >= 8 else { return nil }
    let data = bytes.dropFirst(8)
    let header = Int(clamping: UInt64(littleEndianBytes: bytes.prefix(8)))
    guard header <= data.count else { return nil }
    return [Array(data.prefix(header)), Array(data.dropFirst(header))]
  }

  private static func cut(patch bytes: [UInt8]) -> [[UInt8]]? {
    guard bytes.count >= 72 else { return nil }
    let manifest = Int(clamping: UInt64(littleEndianBytes: bytes[16..<24]))
    let blocks = Int(clamping: UInt64(littleEndianBytes: bytes[24..<32]))
    guard manifest < bytes.count, blocks < 4096, 40 + manifest + 48 * blocks + 32 <= bytes.count else {
      return nil
    }
    let table = 40 + manifest
    var place = table + 48 * blocks
    var pieces = [Array(bytes[0..<40]), Array(bytes[40..<table]), Array(bytes[table..<place])]
    for block in 0..<blocks {
      let row = table + 48 * block
      let length = Int(clamping: UInt64(littleEndianBytes: bytes[row..<row + 8]))
      guard length <= bytes.count - 32 - place else { return nil }
      pieces.append(Array(bytes[place..<place + length]))
      place += length
    }
    return pieces
  }

  /// Changes one piece; where it is JSON, as such three times in four.
  mutating func change(_ draw: inout Draw) {
    let chosen = draw.below(pieces.count + inner.count)
    let piece = chosen < pieces.count ? pieces[chosen] : inner[chosen - pieces.count]
    let asTree = draw.below(4) != 0
    let changed = (asTree ? JSONChange.changed(piece, &draw) : nil) ?? mutatedPlainly(piece)
    if chosen < pieces.count { pieces[chosen] = changed } else { inner[chosen - pieces.count] = changed }
  }

  /// The whole input again.
  var bytes: [UInt8] {
    switch kind {
    case .patch: return Parts.joined(patch: pieces)
    case .safetensors: return UInt64(pieces[0].count).littleEndianBytes(8) + pieces[0] + pieces[1]
    case .packed:
      return pieces[0] + [0] + UInt64(pieces[1].count).littleEndianBytes(8) + pieces[1] + pieces[2]
    case .texts: return Array(pieces.joined(separator: [0]))
    case .json: return pieces[0]
    case .lines: return pieces.flatMap { $0 + [0x0A] }
    case .journal:
      let patch = Parts.joined(patch: inner)
      var front = Array("ERRATAJ1".utf8) + UInt64(pieces[0].count).littleEndianBytes(8)
      front += UInt64(patch.count).littleEndianBytes(8) + Digest(of: pieces[0]).bytes + pieces[0] + patch
      front += [UInt8](repeating: 0, count: (4096 - front.count % 4096) % 4096)
      return front + pieces[1]
    }
  }

  private static func joined(patch pieces: [[UInt8]]) -> [UInt8] {
    let blocks = Array(pieces[3...])
    var header = Array((pieces[0] + [UInt8](repeating: 0, count: 40)).prefix(40))
    let rows = 48 * blocks.count
    var table = Array((pieces[2] + [UInt8](repeating: 0, count: rows)).prefix(rows))
    for (place, block) in blocks.enumerated() {
      table.replaceSubrange(48 * place..<48 * place + 8, with: UInt64(block.count).littleEndianBytes(8))
      table.replaceSubrange(48 * place + 16..<48 * place + 48, with: Digest(of: block).bytes)
    }
    let total = 40 + pieces[1].count + table.count + blocks.reduce(0) { $0 + $1.count } + 32
    for (place, number) in [(16, pieces[1].count), (24, blocks.count), (32, total)] {
      header.replaceSubrange(place..<place + 8, with: UInt64(number).littleEndianBytes(8))
    }
    let front = header + pieces[1] + table
    return front + blocks.flatMap { $0 } + Digest(of: front).bytes
  }
}
