import TestSupport
import Testing

@testable import Patches

@Suite struct SpellingProbeTests {
  /// Levenshtein's distance by its definition, the whole table.
  private func plain(_ one: [UInt32], _ other: [UInt32]) -> Int {
    var row = Array(0...other.count)
    for i in one.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in other.indices {
        let next = min(diagonal + (one[i] == other[j] ? 0 : 1), row[j] + 1, row[j + 1] + 1)
        (diagonal, row[j + 1]) = (row[j + 1], next)
      }
    }
    return row[other.count]
  }

  @Test func `distances are those of the whole table, below the limit and nowhere else`() {
    var draw = SplitMix64(seed: 7)
    func text(_ letters: [String], _ count: Int) -> String {
      (0..<count).map { _ in letters[draw.below(letters.count)] }.joined()
    }
    for round in 0..<2000 {
      let letters = round.isMultiple(of: 5) ? ["a", "b", "é", "水"] : ["a", "b", " "]
      let (one, other) = (text(letters, draw.below(14)), text(letters, draw.below(14)))
      // A common beginning and end, as prompts of one relation have.
      let around = round.isMultiple(of: 2) ? (text(["a", "c"], 6), text(["b", "c"], 9)) : ("", "")
      let texts = (around.0 + one + around.1, around.0 + other + around.1)
      let limit = draw.below(8)
      let (a, b) = (texts.0.unicodeScalars.map(\.value), texts.1.unicodeScalars.map(\.value))
      let distance = plain(a, b)
      let wanted = distance <= limit ? distance : nil
      var probe = SpellingProbe(texts.0)
      let found = Array(texts.1.utf8).withUnsafeBytes { probe.distance(toUTF8: $0, limit: limit) }
      #expect(
        found?.distance == wanted && found?.count == (wanted == nil ? nil : b.count), "\(texts) \(limit)")
      #expect(MemoryText.distance(a, b, limit: limit) == wanted)
    }
  }
}
