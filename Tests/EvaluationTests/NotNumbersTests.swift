import Editing
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Evaluation

/// Numbers that are none, from answers to summaries and files.
@Suite struct AnswersWithoutNumbersTests {
  private func answer(_ own: Double?, _ rival: Double?, isNumber: Bool = true) -> ProbeAnswer {
    var answer = ProbeAnswer(Probe(.efficacy, prompt: "p", answer: "a", rival: "r"))
    (answer.logProbability, answer.rivalLogProbability) = (own, rival)
    (answer.said, answer.wanted, answer.continuation) = ([1], [1], "a")
    answer.isNumber = isNumber
    return answer
  }

  @Test func `every statistic of such an answer is none`() throws {
    let bad = answer(.nan, -1, isNumber: false)
    for statistic in Statistic.allCases {
      let value = try #require(statistic.value(bad, before: bad))
      #expect(value.isNaN, "\(statistic)")
      let good = try #require(statistic.value(answer(-1, -2), before: answer(-1, -2)))
      #expect(good.isFinite, "\(statistic)")
    }
    // What a base without numbers said is nothing to keep.
    #expect(Statistic.kept.value(answer(-1, -2), before: bad)?.isNaN == true)
    let measures = RecordMeasures(
      RecordAnswers(identifier: "1", probes: [answer(-1, -2), bad]), before: nil)
    #expect(measures.values[.probes(.efficacy, .success)]?.isNaN == true)
    let summary = [Measure: MeasureSummary]([measures])
    #expect(summary[.probes(.efficacy, .success)]?.mean.isNaN == true)
  }

  @Test func `a line of results keeps what is no number`() throws {
    for answer in [
      answer(.nan, .nan, isNumber: false), answer(.nan, -1, isNumber: false), answer(nil, nil),
      answer(-1, nil),
      answer(-0.5, -2),
    ] {
      let line = RecordAnswers(identifier: "1", probes: [answer])
      let read = try #require(
        RecordAnswers(JSONValue(parsing: Array(JSONValue.object(line.json).compactText.utf8))))
      let found = read.probes[0]
      #expect(found.isNumber == answer.isNumber)
      #expect(found.logProbability?.isNaN == answer.logProbability?.isNaN)
      #expect(answer.logProbability?.isNaN ?? true || found.logProbability == answer.logProbability)
      #expect((found.rivalLogProbability == nil) == (answer.rivalLogProbability == nil))
    }
    // What cannot be at all is written as the least number.
    let impossible = JSONValue.object(RecordAnswers(identifier: "1", probes: [answer(-.infinity, -1)]).json)
    let read = try #require(RecordAnswers(JSONValue(parsing: Array(impossible.compactText.utf8))))
    #expect(read.probes[0].probability == 0)
  }

  @Test(arguments: ["1048576", "0.5", "1e308", "710", "null", "\"-1\"", "true"])
  func `a log-probability of no probability is no line of results`(text: String) throws {
    let line =
      #"{"run":"r","label":"base","record":"x","id":"1","probes":[{"kind":"efficacy","prompt":"p","answer":"a","logProbability":\#(text),"wanted":[1],"said":[1]}]}"#
    let folder = try TemporaryFolder()
    let good = line.replacing("\(text),\"wanted\"", with: "-1,\"wanted\"")
    let path = try folder.write(Array((good + "\n" + line + "\n").utf8), to: "r.jsonl")
    #expect(throws: EvaluationError.badResults(file: path, line: 2)) { try ResultsFile(path) }
    _ = try ResultsFile(folder.write(Array((good + "\n").utf8), to: "good.jsonl"))
  }

  @Test func `a join that a probe's file names comes back`() throws {
    let probe = Probe(.locality, prompt: "p", answer: "a", rival: nil, join: TextJoin("\n"))
    let line = RecordAnswers(identifier: "1", probes: [ProbeAnswer(probe)])
    let read = try #require(
      RecordAnswers(JSONValue(parsing: Array(JSONValue.object(line.json).compactText.utf8))))
    #expect(read.probes[0].probe == probe)
  }
}

/// Other tasks are told apart by what is in them.
@Suite struct OtherTasksIdentityTests {
  @Test func `a text is its bytes, wherever and whenever they lie`() throws {
    let folder = try TemporaryFolder()
    func identity(_ path: String, window: Int = 512) throws -> String {
      var tasks = OtherTasks()
      (tasks.text, tasks.windowLength) = (path, window)
      return try tasks.identity()
    }
    let first = try identity(folder.write(Array("one text".utf8), to: "a.txt"))
    #expect(try identity(folder.write(Array("one text".utf8), to: "b.txt")) == first)
    // As long and written in the same second.
    #expect(try identity(folder.write(Array("two text".utf8), to: "a.txt")) != first)
    #expect(try identity(folder.write(Array("one text".utf8), to: "a.txt"), window: 64) != first)
  }

  @Test func `questions are what is asked, not how the file is written`() throws {
    let folder = try TemporaryFolder()
    func identity(_ text: String) throws -> String {
      var tasks = OtherTasks()
      tasks.choices = try MultipleChoice(folder.write(Array(text.utf8), to: "q.jsonl"))
      return try tasks.identity()
    }
    let first = try identity(#"{"prompt": "p", "choices": ["a", "b"], "answer": 0}"#)
    #expect(try identity(#"{"answer": "a", "question": "p", "choices": ["a", "b"]}"#) == first)
    #expect(try identity(#"{"prompt": "p", "choices": ["a", "b"], "answer": 1}"#) != first)
    #expect(try identity(#"{"prompt": "p", "choices": ["a", "c"], "answer": 0}"#) != first)
  }
}
