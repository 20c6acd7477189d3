import Editing
import ModelFiles
import TestSupport
import Testing

@Suite struct FactsFileTests {
  let text: FactsText

  init() throws { text = try FactsText() }

  @Test(arguments: Vector.all("facts")) func `a file is read or refused as its vector says`(vector: Vector)
    throws
  {
    let path = try text.folder.write(vector.bytes, to: "facts.json")
    func readAll() throws {
      do { _ = try GroupedFacts(FactsFile(path).checked().map(\.fact)) } catch let error as BadRecords {
        throw error.first
      }
    }
    guard let rejection = vector.rejection else { return try readAll() }
    let error = #expect(throws: FactsError.self) { try readAll() }
    #expect(error.map(caseName(ofError:)) == rejection)
    switch error {
    case .encoding(let file, let place), .syntax(let file, let place, _):
      #expect(file == path && place == vector.byteOffset.map { TextPlace($0, in: vector.bytes[...]) })
    default:
      #expect(vector.byteOffset == nil)
      if let place = error?.place { #expect(place.file == path) }
    }
  }

  @Test func `every kind of refusal has a vector`() {
    // The rest is about sizes, folders and choices, not about one small file.
    #expect(
      Set(Vector.all("facts").compactMap(\.rejection)) == [
        "encoding", "syntax", "noRecords", "unknownSchema", "missingField", "wrongType", "emptyField",
        "answerCount", "listCount", "severalTexts", "subjectNotInPrompt", "subjectSpelledOtherwise",
        "subjectRepeated",
        "severalPlaceholders", "placeholderInSubject",
        "contradiction",
      ])
  }

  @Test(arguments: Vector.all("facts").filter { $0.rejection == nil })
  func `no cut and no changed byte does harm`(vector: Vector) throws {
    var generator = SplitMix64(state: 5)
    for position in vector.bytes.indices {
      var bytes = vector.bytes
      bytes[position] = [0x22, 0x5B, 0x7D, 0xFF, .random(in: .min ... .max, using: &generator)]
        .randomElement(using: &generator)!
      for file in [Array(vector.bytes[..<position]), bytes] {
        let path = try text.folder.write(file, to: "facts.json")
        do { _ = try GroupedFacts(FactsFile(path).facts) } catch {
          #expect(error is FactsError || error is ModelFileError)
        }
      }
    }
  }

  static let plain = ["A", "B", "C"].map { #"{"prompt":"{} is","subject":"\#($0)","target":"x"}"# }

  static let layouts: [(before: String, between: String, after: String)] = [
    ("[", ",", "]"), ("", "\n", ""), ("\n", "\r\n\n", "\n"), (" [\n", " ,\n", "]\n"), ("", "", ""),
  ]

  @Test(arguments: layouts) func `an array and lines give the same records`(
    layout: (before: String, between: String, after: String)
  ) throws {
    let file = try text.read(layout.before + Self.plain.joined(separator: layout.between) + layout.after)
    #expect(file.facts.map(\.subject) == ["A", "B", "C"])
    #expect(file.facts.map(\.identifier) == ["1", "2", "3"])
    #expect(file.skipped.isEmpty)
  }

  @Test func `a bad record is refused by name, or left out`() throws {
    let lines = [Self.plain[0], #"{"prompt":"{} is","subject":"B","target":" "}"#, Self.plain[2], "7"]
    let content = lines.joined(separator: "\n")
    #expect(throws: FactsError.emptyField(text.place("target", record: 2))) { try text.read(content) }
    let file = try text.read(content, skipBad: true)
    #expect(file.facts.map(\.subject) == ["A", "C"])
    #expect(file.facts.map(\.identifier) == ["1", "3"])
    #expect(
      file.skipped == [
        .emptyField(text.place("target", record: 2)),
        .wrongType(text.place("", record: 4), expected: "an object"),
      ])
  }

  @Test func `a file whose every record is bad is refused all the same`() throws {
    #expect(throws: FactsError.unknownSchema(text.place(""), fields: [])) {
      try text.read("[{}]", skipBad: true)
    }
  }

  @Test func `broken JSON is refused even where bad records are skipped`() throws {
    let content = Self.plain[0] + "\n{\"prompt\": \n"
    #expect(
      throws: FactsError.syntax(
        file: text.folder.path("facts.json"), TextPlace(content.utf8.count, in: Array(content.utf8)[...]),
        problem: .unexpectedEnd)
    ) { try text.read(content, skipBad: true) }
  }

  @Test func `bad records outside of what is wanted do not matter`() throws {
    let bad = #"{"id":"b","prompt":"{} is","subject":"B","target":" "}"#
    let file = try text.open([Self.plain[0], bad, Self.plain[2], bad].joined(separator: "\n"))
    #expect(try file.limited(to: 1).checked().map(\.fact.subject) == ["A"])
    #expect(try file.selecting(["1", "3"]).checked().map(\.fact.subject) == ["A", "C"])
    let place = text.place("target", record: 2)
    #expect(throws: BadRecords(first: .emptyField(place), count: 1, of: 3)) {
      try file.limited(to: 3).checked()
    }
    #expect(throws: BadRecords(first: .emptyField(place), count: 2, of: 4)) { try file.checked() }
    #expect(throws: BadRecords(first: .emptyField(place), count: 2, of: 2)) {
      try file.selecting(["b"]).checked()
    }
    #expect(try file.skippingBad().limited(to: 2).checked().map(\.fact.subject) == ["A", "C"])
  }

  @Test(arguments: ["", "\n", "[", "{"]) func `a byte-order mark is passed over`(before: String) throws {
    let mark = "\u{FEFF}"
    switch before {
    case "[":
      #expect(try text.read(mark + "[" + Self.plain[0] + "]").facts.map(\.subject) == ["A"])
    case "{": #expect(try text.read(mark + Self.plain[0]).facts.map(\.subject) == ["A"])
    default:
      #expect(throws: FactsError.noRecords(file: text.folder.path("facts.json"))) {
        try text.read(mark + before)
      }
    }
    // Places count from the beginning of the file, mark included.
    #expect(
      throws: FactsError.syntax(
        file: text.folder.path("facts.json"), TextPlace(byteOffset: 6, line: 2, column: 3),
        problem: .unexpected("x", expected: "a value", slip: nil))
    ) { try text.read(mark + "\n[ x") }
  }

  @Test func `the files of a folder are put together fact by fact`() throws {
    let base = #""requested_rewrite":{"prompt":"{} is in","subject":"Rome","target_new":{"str":"Peru"}}"#
    let other = #""requested_rewrite":{"prompt":"{} is in","subject":"Oslo","target_new":{"str":"Peru"}}"#
    for (name, content) in [
      ("a.json", "[{\(base),\"paraphrase_prompts\":[\"Rome lies in\"]},{\(other)}]"),
      ("b.jsonl", "{\(base),\"alternative_subject\":\"Roma\",\"paraphrase_prompts\":[\"Rome lies in\"]}"),
      ("c.json", "[{\"prompt\":\"{} is in\",\"subject\":\"Lima\",\"target\":\"Peru\"}]"),
      ("readme.txt", "not facts"),
    ] { try text.folder.write(Array(content.utf8), to: name) }
    let file = try FactsFile(text.folder.path)
    #expect(file.facts.map(\.subject) == ["Rome", "Oslo", "Lima"])
    #expect(file.records[0].probes.map(\.prompt) == ["Rome lies in", "Roma is in"])
    #expect(file.records[0].probes.map(\.kind) == [.paraphrase, .subjectReplace])
  }

  @Test func `a folder without facts and a missing file are refused`() throws {
    let path = text.folder.path
    #expect(throws: FactsError.noFactsInFolder(folder: path)) { try FactsFile(path) }
    #expect(throws: ModelFileError.self) { try FactsFile(path + "/none.json") }
  }

  @Test func `the world of the tiny models is read`() throws {
    let file = try FactsFile(PackageFiles.path("Fixtures/world/facts.json"))
    #expect(file.records.count > 5)
    #expect(try GroupedFacts(file.facts).repeats.isEmpty)
    for record in file.records {
      #expect(record.relationID != nil && record.fact.formerTarget != nil && !record.neighbors.isEmpty)
    }
  }
}
