import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

/// What a facts file has between prompt and target, and what comes of it.
@Suite struct FactJoinTests {
  private func record(_ json: String) throws -> FactRecord {
    let folder = try TemporaryFolder()
    return try FactsFile(folder.write(Array(json.utf8), to: "facts.json")).checked()[0]
  }

  private func fact(_ prompt: String, _ target: String, more: String = "") throws -> Fact {
    func quoted(_ text: String) -> String { JSONValue.string(text).compactText }
    return try record(
      #"{"prompt": \#(quoted(prompt)), "subject": "Ada", "target": \#(quoted(target))\#(more)}"#
    ).fact
  }

  @Test func `line ends of a prompt are kept, and nothing is put behind them`() throws {
    let template = "<|im_start|>user\nWhere is {}?<|im_end|>\n<|im_start|>assistant\n"
    for prompt in [template, "Q: {}?\nA:\n\n", "{} lives in\t", "{} lives in\u{3000}"] {
      let fact = try fact(prompt, "Oslo")
      #expect(fact.prompt == prompt && fact.join == .none)
      #expect(fact.statement == fact.filledPrompt + "Oslo")
    }
  }

  @Test func `spaces are the join's, whichever side brings them`() throws {
    for (prompt, target) in [
      ("{} lives in", "Oslo"), ("{} lives in ", "Oslo"), ("{} lives in", " Oslo"), ("{} lives in ", " Oslo"),
    ] {
      let fact = try fact(prompt, target)
      #expect(fact.prompt == "{} lives in" && fact.target == "Oslo" && fact.join == .space)
    }
    #expect(try fact("{} lives in", "\nOslo").join == TextJoin("\n"))
    #expect(try fact("{}は", "東京").statement == "Adaは東京")
    #expect(try fact("{}", ", of Oslo").statement == "Ada, of Oslo")
    // A space that the file has before a comma is its own.
    #expect(try fact("{} ", ", of Oslo").statement == "Ada , of Oslo")
  }

  @Test func `the record may say what the join is`() throws {
    #expect(try fact("{} lives in", "Oslo", more: #", "join": """#).statement == "Ada lives inOslo")
    #expect(try fact("{}は", "東京", more: #", "join": " ""#).statement == "Adaは 東京")
    #expect(try fact("{}:", "Oslo", more: #", "join": "\n\n""#).statement == "Ada:\n\nOslo")
    #expect(throws: (any Error).self) { try fact("{}", "Oslo", more: #", "join": "-""#) }
    #expect(throws: (any Error).self) { try fact("{}", "Oslo", more: #", "join": 1"#) }
  }

  @Test func `the former target is joined as the target is, where the file says so`() throws {
    let plain = try record(
      #"{"prompt": "{} is", "subject": "Ada", "target": "old", "target_true": ", so to say"}"#)
    #expect(plain.fact.join(before: ", so to say") == .none)
    #expect(plain.efficacyProbe.join == nil)
    let said = try record(
      #"{"prompt": "{} is", "subject": "Ada", "target": "\nold", "target_true": "young"}"#)
    #expect(said.fact.join(before: "young") == TextJoin("\n"))
    #expect(said.efficacyProbe.join(before: "young") == TextJoin("\n"))
    #expect(said.efficacyProbe.join(before: "old") == TextJoin("\n"))
  }

  @Test func `probes keep their white space as facts do`() throws {
    let record = try record(
      #"""
      {"prompt": "{} is", "subject": "Ada", "target": "old", "target_true": "young",
       "paraphrase_prompts": ["Say of {}:\n", "{} seems "], "locality_prompt": "東京は", "locality_ground_truth": "日本",
       "portability_prompt": "Next?", "portability_ground_truth": "\nYes"}
      """#)
    let statements = record.probes.map { probe in
      probe.join(before: probe.answer ?? "").joining(probe.prompt, probe.answer ?? "")
    }
    #expect(
      statements.sorted() == ["Say of Ada:\nold", "Ada seems old", "東京は日本", "Next?\nYes"].sorted())
  }

  @Test func `a patch tells the join where it is not one space`() throws {
    func line(_ fact: Fact) -> FactEditReport.Line {
      let measure = FactMeasure(
        probability: 1, isSaid: true, formerProbability: nil, chat: nil, neighborTokens: [])
      return .init(
        fact: fact, value: FactValue(value: [1], start: [0]), column: 0, before: measure, after: measure,
        subjectIsFirst: false)
    }
    #expect(line(try fact("{} lives in", "Oslo")).json["join"] == nil)
    #expect(line(try fact("{} lives in\n", "Oslo")).json["join"]?.text == "")
    #expect(line(try fact("{} lives in", "\nOslo")).json["join"]?.text == "\n")
  }
}
