import Floor
import ModelFiles
import TestSupport
import Testing

@testable import Patches

@Suite struct PatchMemoryTests {
  static func fact(_ id: String, _ prompt: String, _ subject: String, _ target: String) -> MemoryFact {
    MemoryFact([
      "id": .string(id), "prompt": .string(prompt), "subject": .string(subject), "target": .string(target),
    ])
  }

  private func part(_ facts: [MemoryFact], _ route: MemoryRoute = .subject) -> MemoryDraft.Part {
    MemoryDraft.Part(
      method: "ike", route: route, action: MemoryAction(text: "{fact}\n{question}")!, facts: facts)
  }

  private let base = MemorySection.Base(fingerprint: Digest(of: []), model: nil)

  @Test func `what is written is read again, and the same facts give the same bytes`() throws {
    let folder = try TemporaryFolder()
    var draft = MemoryDraft(
      base: base,
      parts: [
        part([Self.fact("1", "{} lives in", "Ada", "Oslo"), Self.fact("2", "{} lives in", "東京", "Rome")]),
        part([Self.fact("3", "what is like big", "", "use synonyms")], .near(distance: 5)),
        part([Self.fact("4", "the moon is made of", "", "cheese")], .words(share: 0.75)),
      ], demonstrations: ["a\n", "b\n"])
    draft.parts[0].facts[1].shown = [1, 0]
    var digests: [Digest] = []
    for name in ["a", "b"] {
      let writer = try PatchWriter(folder.path(name))
      try writer.append(draft)
      digests.append(try writer.finish(tool: "test", family: nil, edit: nil).digest)
    }
    #expect(digests[0] == digests[1])
    let arrays = try #require(try MemoryArrays(PatchFile(folder.path("a")), threads: 1))
    let again = try MemoryDraft(arrays)
    #expect(again.parts.map(\.route) == draft.parts.map(\.route))
    #expect(again.parts.flatMap(\.facts).map(\.json) == draft.parts.flatMap(\.facts).map(\.json))
    #expect(
      again.parts[0].facts.map(\.shown) == [[], [1, 0]] && again.demonstrations == draft.demonstrations)
    #expect(try arrays.fact(3)["target"]?.text == "cheese")
    // The facts are in the edit for whoever looks there.
    #expect(try PatchFile(folder.path("a")).edit()?["facts"]?.elements?.count == 4)
  }

  @Test func `a later fact with the same prompt takes the place of the earlier one`() {
    var one = MemoryDraft(base: base, parts: [part([Self.fact("1", "{} lives in", "Ada", "Oslo")])])
    one.append(MemoryDraft(base: base, parts: [part([Self.fact("2", "{} LIVES, in", "Ada", "Rome")])]))
    #expect(one.parts.count == 1 && one.parts[0].facts.map { $0.json["target"]?.text } == ["Rome"])
  }

  @Test func `words are what the page says`() {
    #expect(
      MemoryText.words("Is St. Mary's-café OPEN? 東京は2号") == [
        "is", "st", "mary", "s", "café", "open", "東", "京", "は", "2", "号",
      ])
    #expect(MemoryText.hash(["a"]) == 0xAF63_DC4C_8601_EC8C)
    #expect(MemoryText.hash(["ada", "lives"]) == MemoryText.hash(["ada lives"]))
  }

  @Test(arguments: [
    ("Ada lives in Oslo. Bo lives in", "Bo lives in"), ("Who? Bo lives in", "Bo lives in"),
    ("St. Louis lies in", "St. Louis lies in"), ("J. R. R. Tolkien wrote", "J. R. R. Tolkien wrote"),
    ("It rains.\nBo lives in", "Bo lives in"), ("Where does Bo live?", "Where does Bo live?"),
    ("Where does Bo live?\n", "Where does Bo live?\n"), ("京です。ボは", "ボは"), ("", ""),
  ]) func `the question is the last sentence`(prompt: String, question: String) {
    let found = MemoryText.question(of: prompt)
    #expect(MemoryText.words(found) == MemoryText.words(question))
  }

  @Test func `characters that differ are counted as Levenshtein did`() {
    func distance(_ a: String, _ b: String, _ limit: Int = 9) -> Int? {
      MemoryText.distance(a.unicodeScalars.map(\.value), b.unicodeScalars.map(\.value), limit: limit)
    }
    // MemPrompt's own pair: four changes are a hit, six are none.
    #expect(distance("what is a synonym of big", "what is a synonym of large") == 4)
    #expect(distance("kitten", "sitting") == 3 && distance("", "abc") == 3 && distance("abc", "abc", 0) == 0)
    #expect(distance("kitten", "sitting", 2) == nil && distance("a", "abcdef", 4) == nil)
    var random = SplitMix64(state: 7)
    for _ in 0..<300 {
      let a = (0..<Int.random(in: 0...9, using: &random)).map { _ in UInt32.random(in: 0...3, using: &random)
      }
      let b = (0..<Int.random(in: 0...9, using: &random)).map { _ in UInt32.random(in: 0...3, using: &random)
      }
      let limit = Int.random(in: 0...9, using: &random)
      let plain = Self.plainDistance(a, b)
      #expect(MemoryText.distance(a, b, limit: limit) == (plain <= limit ? plain : nil), "\(a) \(b) \(limit)")
    }
  }

  /// The whole table, without a band.
  private static func plainDistance(_ a: [UInt32], _ b: [UInt32]) -> Int {
    var row = Array(0...b.count)
    for i in a.indices {
      var next = [i + 1]
      for j in b.indices { next.append(min(row[j] + (a[i] == b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1)) }
      row = next
    }
    return row[b.count]
  }
}
