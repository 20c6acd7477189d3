import Floor
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing
@testable import Patches

@Suite struct LoopTranscriptTests {
  /// A case of `Fixtures/reference/mello.json`.
  struct Case: CustomTestStringConvertible, Sendable {
    let json: JSONValue
    var testDescription: String { json["comment"]?.text ?? "" }

    static let golden: JSONValue =
      (try? JSONValue(readingFile: PackageFiles.path("Fixtures/reference/mello.json"))) ?? .null
    static let all = golden["cases"]!.elements!.map { Case(json: $0) }
  }

  private func recall(_ statement: String) -> Memory.Recall {
    Memory.Recall(
      path: "m", index: 0,
      fact: Fact(identifier: "1", prompt: statement, subject: "", target: "", join: TextJoin.none),
      count: 1, route: .subject, score: 1, before: "", after: "")
  }

  @Test(arguments: Case.all) func `the text grows as the page says`(_ golden: Case) throws {
    let json = golden.json
    var transcript = LoopTranscript(
      MemoryLoop(text: "{question}", generations: try #require(json["limit"]?.integer), tokens: 256))
    var texts: [String] = []
    for written in json["generations"]!.elements! where !transcript.isDone {
      transcript.take(written.text!) { Case.golden["facts"]?[$0]?.text.map(recall) }
      texts.append(transcript.text)
    }
    #expect(transcript.isDone && texts == json["texts"]!.elements!.map(\.text))
    let result = transcript.result
    #expect(result.answer == json["answer"]?.text && result.end.rawValue == json["end"]?.text)
    let asked = json["asked"]!.elements!
    #expect(result.rounds.map(\.subquestion) == asked.map { $0["subquestion"]?.text })
    #expect(result.rounds.map(\.answer) == asked.map { $0["answer"]?.text })
    #expect(result.rounds.map { $0.recall?.fact.statement } == asked.map { $0["fact"]?.text })
    #expect(result.speaks == asked.contains { $0["fact"]?.text != nil })
  }

  @Test func `a round goes on until its answer stands there, or what is retrieved`() {
    let loop = MemoryLoop(text: "{question}", generations: 1, tokens: 1)
    let asked = "Subquestion: Who?\nGenerated answer: Ada"
    #expect(LoopTranscript.round(in: asked, loop) == nil)
    #expect(LoopTranscript.round(in: asked + ".\nRet", loop) == asked + ".\n")
    #expect(LoopTranscript.round(in: "Subquestion: Who?\nRetrieved fact:", loop) == "Subquestion: Who?\n")
    #expect(LoopTranscript.round(in: "\nRetrieved fact contradicts it\n", loop) == nil)
  }
}
