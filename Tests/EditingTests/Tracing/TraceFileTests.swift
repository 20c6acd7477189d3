import ModelFiles
import TestSupport
import Testing

@testable import Editing

/// Files of traces: read back as written, and refused where something in them is not what it ought to be.
@Suite struct TraceFileTests {
  static let whole = """
    {"format":"errata-trace","version":1,"identity":{"model":"m","kinds":["mlp"]},"layerCount":2,"facts":[{"id":"1",
    "fact":["{} is","A","b"],"tokens":["x","A"," is"],"subject":[1,2],"clean":0.5,"corrupted":0.25,"mlp":[[0.5,0.25],[0.375,0.5]]}],
    "unknown":[{"id":"2","fact":["{} is","B","b"],"said":" c"}]}
    """

  private func read(_ text: String) throws -> TraceFile {
    let folder = try TemporaryFolder()
    try folder.write(Array(text.utf8), to: "trace.json")
    return try TraceFile(folder.path("trace.json"))
  }

  @Test func `what is written is what is read`() throws {
    let file = try read(Self.whole)
    #expect(file.facts[0].effect(.mlp, token: 1, layer: 0) == 0.25)
    #expect(file.facts[0].effect(.mlp, token: 0, layer: 0) == nil)
    #expect(file.facts[0].effect(.hidden, token: 1, layer: 0) == nil)
    #expect(file.isOf(model: "m") && !file.isOf(model: "n"))
    let again = try read(file.json.compactText)
    #expect(again.facts == file.facts && again.unknown == file.unknown && again.identity == file.identity)
    #expect(again.json == file.json)
    #expect(file.json["mean"]?["mlp"]?["subjectLast"] == .array([.number(0.25), 0]))
  }

  /// The same, as part 2 of 3 of seven facts.
  static let part = whole.replacing(
    #""kinds":["mlp"]}"#,
    with:
      #""kinds":["mlp"],"part":{"number":2,"of":3,"count":7,"facts":"f"}},"places":{"facts":[1],"unknown":[4]}"#
  )

  @Test func `a part keeps the places of its facts, and chooses no layers`() throws {
    let file = try read(Self.part)
    #expect(file.places.facts == [1] && file.places.unknown == [4] && file.part?.ownCount == 2)
    #expect(try read(file.json.compactText).json == file.json)
    #expect(file.selecting([file.unknown[0].name]).places.facts.isEmpty)
    #expect(throws: EditError.partOfTrace(file: "t", part: 2, count: 3)) {
      _ = try file.choice(of: 1, in: 2, file: "t")
    }
  }

  @Test(arguments: [
    ("\"number\":2", "\"number\":4", "identity.part"), ("\"of\":3", "\"of\":1048577", "identity.part"),
    ("\"count\":7", "\"count\":-7", "identity.part"),
    ("\"count\":7", "\"count\":9223372036854775807", "identity.part"),
    ("\"facts\":\"f\"", "\"facts\":1", "identity.part"), ("[4]", "[5]", "places.unknown"),
    ("[4]", "[7]", "places.unknown"), ("[4]", "[1]", "places.unknown"), ("[4]", "[]", "places.unknown"),
    ("\"places\":{\"facts\":[1]", "\"places\":{\"facts\":[-2]", "places.facts"),
    ("\"places\":{\"facts\":[1]", "\"places\":{\"facts\":[\"1\"]", "places.facts"),
    ("\"places\"", "\"place\"", "places.facts"),
  ])
  func `a part that is none, or has other places, is refused by name`(
    part: String, other: String, what: String
  )
    throws
  {
    #expect(Self.part.contains(part))
    #expect(throws: EditError.self) {
      do { _ = try read(Self.part.replacing(part, with: other)) } catch let error as EditError {
        guard case .badTrace(_, let named) = error else { throw error }
        #expect(named == what)
        throw error
      }
    }
  }

  @Test(arguments: [
    ("\"errata-trace\"", "\"trace\"", "format"), ("\"version\":1", "\"version\":2", "version"),
    ("\"layerCount\":2", "\"layerCount\":3", "facts[0]"),
    ("\"layerCount\":2", "\"layerCount\":0", "layerCount"),
    ("[\"mlp\"]", "[]", "identity.kinds"), ("[\"mlp\"]", "[\"mlp\",\"soul\"]", "identity.kinds"),
    ("[\"mlp\"]", "[\"mlp\",\"hidden\"]", "facts[0]"), ("[1,2]", "[1,4]", "facts[0]"),
    ("[1,2]", "[2,2]", "facts[0]"), ("[1,2]", "[-1,2]", "facts[0]"), ("0.375", "7", "facts[0]"),
    ("\"clean\":0.5", "\"clean\":\"0.5\"", "facts[0]"), ("\"said\":\" c\"", "\"say\":\" c\"", "unknown[0]"),
    ("[\"{} is\",\"B\",\"b\"]", "[\"B\"]", "unknown[0]"), ("\"unknown\"", "\"others\"", "unknown"),
  ])
  func `something else in its place is refused by name`(part: String, other: String, what: String) throws {
    #expect(Self.whole.contains(part))
    #expect {
      _ = try read(Self.whole.replacing(part, with: other))
    } throws: { error in
      guard case .badTrace(_, let named)? = error as? EditError else { return false }
      return named == what
    }
  }
}
