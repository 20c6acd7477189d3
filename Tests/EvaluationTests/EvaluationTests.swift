import Editing
import Glibc
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Evaluation

struct EvaluationTests {
  static let model = PackageFiles.path("Fixtures/models/tiny-gpt2")
  let network: Network
  let tokenizer: Tokenizer
  let records: [FactRecord]

  private var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  init() throws {
    let file = try ModelFile(Self.model)
    network = try Network(file, threads: 2)
    tokenizer = try Tokenizer(of: file)
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).limited(to: 6).records
  }

  /// Keys that were computed in another pass differ in the last bits only.
  private static let tolerance: Float = 1e-4

  @Test func `shared beginnings change no score`() throws {
    var items: [Continuation] = []
    for record in records {
      for probe in [record.efficacyProbe] + record.probes {
        for text in [probe.answer, probe.rival].compactMap({ $0 }) {
          items.append(try #require(try encoder.continuation(probe.prompt, .space, text)))
          items.append(try #require(try encoder.continuation("New fact: " + probe.prompt, .space, text)))
        }
      }
    }
    let found = try network.score(items)
    for (item, score) in zip(items, found) {
      let plain = try network.score([item])[0]
      #expect(score.mostProbable == plain.mostProbable)
      for (a, b) in zip(score.logProbabilities, plain.logProbabilities) {
        #expect(abs(a - b) < Self.tolerance)
      }
    }
  }

  @Test func `the number of threads changes no bit of a score`() throws {
    let records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).records
    let items = try records.flatMap { record in
      try ([record.efficacyProbe] + record.probes).flatMap { probe in
        try [probe.answer, probe.rival].compactMap {
          try $0.flatMap { try encoder.continuation(probe.prompt, .space, $0) }
        }
      }
    }
    // One thread runs the texts one after the other, two side by side, seven each run together.
    let scores = try [1, 2, 7].map { threads in
      try Network(ModelFile(Self.model), threads: threads).score(items)
    }
    for other in scores {
      #expect(other.map(\.logProbabilities) == scores[0].map(\.logProbabilities))
      #expect(other.map(\.mostProbable) == scores[0].map(\.mostProbable))
    }
  }

  @Test func `the unedited model knows the former targets`() throws {
    var series = EvaluationSeries(records: records, tokenizer: tokenizer, settings: EvaluationSettings())
    let run = try series.run("base", parts: [.init(records: 0..<6, identity: "base") { network }])
    #expect(run.summary[.probes(.efficacy, .success)]?.mean == 0)
    #expect(run.summary[.probes(.neighborhood, .success)]?.mean == 1)
    #expect(run.summary[.probes(.neighborhood, .exact)]?.mean == 1)
    #expect(run.summary[.score]?.mean == 0)
    #expect(run.unmeasuredCount == 0)
  }

  @Test func `results are appended, and not asked for again`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/results.jsonl"
    func evaluate(_ count: Int) throws -> EvaluatedRun {
      var series = EvaluationSeries(
        records: Array(records.prefix(count)), tokenizer: tokenizer, settings: EvaluationSettings())
      series.results = try ResultsFile(path)
      return try series.run("base", parts: [.init(records: 0..<count, identity: "base") { network }])
    }
    #expect(try evaluate(2).cost.asked == 2)
    // A kill in the middle of a line.
    let size = try FileBytes.read(path).count
    try OpenFile(path, .updating).write(Array(#"{"run":"abc","lab"#.utf8), at: size)
    let more = try evaluate(5)
    #expect(more.cost.asked == 3)
    let again = try evaluate(5)
    #expect(again.cost.asked == 0)
    #expect(again.answers == more.answers)
    #expect(try FileBytes.read(path).split(separator: 0x0A).count == 5)
  }

  @Test func `a file of something else is refused and stays`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(text: "a diary", as: "notes.txt")
    #expect(throws: EvaluationError.badResults(file: path, line: 1)) { try ResultsFile(path) }
    #expect(try FileBytes.read(path) == Array("a diary".utf8))
  }

  @Test func `the model goes on by itself`() throws {
    var settings = EvaluationSettings()
    settings.speaks = true
    settings.spokenTokens = 4
    var series = EvaluationSeries(records: records, tokenizer: tokenizer, settings: settings)
    let run = try series.run("base", parts: [.init(records: 0..<6, identity: "base") { network }])
    #expect(run.summary[.probes(.neighborhood, .mentioned)]?.mean == 1)
    #expect(run.summary[.probes(.efficacy, .mentioned)]?.mean == 0)
  }

  @Test func `a model that asks itself is measured by what it says alone`() throws {
    let folder = try TemporaryFolder()
    var edit = MemoryEdit(
      .mello, of: Array(records.prefix(3)), for: LanguageModel(network: network, tokenizer: tokenizer))
    var loop = try #require(edit.action.loop)
    (loop.text, loop.tokens) = ("{question}", 4)
    edit.action = .loop(loop)
    let patch = try edit.write(to: folder.path + "/m.errata", tool: "test").patch
    var settings = EvaluationSettings()
    settings.speaks = true
    settings.spokenTokens = 4
    var series = EvaluationSeries(records: Array(records.prefix(3)), tokenizer: tokenizer, settings: settings)
    try series.run("base", parts: [.init(records: 0..<3, identity: "base") { network }])
    let run = try series.run(
      "m", parts: [.init(records: 0..<3, identity: "m") { network }], memory: Memory([patch], threads: 1))
    // This one follows no examples, so no fact is asked for, and it goes on as before.
    #expect(run.summary[.probes(.neighborhood, .spokenKept)]?.mean == 1)
    #expect(run.summary[.probes(.neighborhood, .mentioned)]?.mean == 1)
    #expect(run.summary[.probes(.efficacy, .success)] == nil && run.summary[.score] == nil)
    #expect(run.unmeasuredCount == 0)
  }

  @Test func `the demonstration stands before each prompt`() throws {
    var settings = EvaluationSettings()
    settings.demonstrates = true
    let questions = try RecordQuestions(records[0], settings, encoder)
    let fact = records[0].fact
    #expect(
      tokenizer.decode(questions.probes[0].prompt.map { Int($0) })
        == "New fact: \(fact.filledPrompt) \(fact.target)\n\(fact.filledPrompt)")
  }

  @Test func `perplexity is exp of the mean loss in windows`() throws {
    let tokens = tokenizer.encode(records[0].fact.filledPrompt + " " + records[0].fact.target).tokens
    let plain = try network.score([Continuation(prompt: [tokens[0]], target: Array(tokens.dropFirst()))])[0]
    let expected = exp(-plain.meanLogProbability)
    let found = try #require(try TextPerplexity(network: network, windowLength: 64).perplexity(of: tokens))
    #expect(abs(found - expected) < 1e-4 * expected)
    #expect(try TextPerplexity(network: network, windowLength: 64).perplexity(of: [1]) == nil)
    // The reference divides by one token more than it sums over.
    let essence = try #require(try TextPerplexity(network: network, windowLength: 64).essence(of: tokens))
    let share = Double(tokens.count - 1) / Double(tokens.count)
    #expect(abs(essence - exp(-plain.meanLogProbability * share)) < 1e-4 * essence)
  }

  @Test func `multiple choice takes the likeliest`() throws {
    let fact = records[0].fact
    let folder = try TemporaryFolder()
    let former = try #require(fact.formerTarget)
    let path = try folder.write(
      text: """
        {"prompt": "\(fact.filledPrompt)", "choices": ["\(fact.target)", "\(former)"], "answer": 1}
        {"goal": "\(fact.filledPrompt)", "sol1": "\(former)", "sol2": "\(fact.target)", "label": 1}
        {"question": "\(fact.filledPrompt)", "choices": ["\(fact.target)", "\(former)"], "answer": "B"}
        """, as: "choices.jsonl")
    let choices = try MultipleChoice(path)
    #expect(choices.questions.map(\.answer) == [1, 1, 1])
    let found = try choices.accuracy(of: network, tokenizer)
    #expect(found.byMean == 2 / 3.0 && found.bySum == 2 / 3.0)
  }

  @Test func `a question without its answer is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      text: #"{"prompt": "a", "choices": ["b", "c"], "answer": 2}"#, as: "choices.jsonl")
    #expect(
      throws: EvaluationError.badQuestion(
        file: path, question: 1, problem: "its answer is none of the choices")
    ) { try MultipleChoice(path) }
  }
}
