import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing
@testable import Evaluation

struct DemonstrationsTests {
  let records: [FactRecord]

  init() throws {
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).records
  }

  @Test func `the context of a fact, word by word`() {
    // "Hanno Hale lives on the island of Pellsund": nearest are others who live on islands. One that shows where his house stands is left out.
    let demonstrations = Demonstrations(4, from: Array(records[1...]))
    let text = demonstrations.text(for: records[0].fact, room: nil) { _ in 0 }
    #expect(
      text == """
        New Fact: The best friend of Esk Hale is a goat
        Prompt: The best friend of Esk Hale is a goat

        New Fact: The house of Fira Frost stands on Mirnsund
        Prompt: The house of Bim Crane stands on Orvaholm

        New Fact: Anso Mott lives on the island of Pellholm
        Prompt: Anso Mott never leaves Pellholm

        New Fact: Esk Birk lives on the island of Mirnholm
        Prompt: Esk Mott lives on the island of Mirnsund

        New Fact: Hanno Hale lives on the island of Pellsund
        Prompt:\u{20}
        """)
  }

  @Test func `kinds follow the published list, as far as a record has what they take`() {
    let record = records[0]
    let kinds = (0..<40).map { Demonstration(record, place: $0).kind }
    #expect(kinds.prefix(8) == [.retain, .update, .retain, .copy, .update, .retain, .retain, .copy])
    #expect(kinds.prefix(32).count { $0 == .copy } == 4)
    #expect(kinds.prefix(32).count { $0 == .update } == 12)
    #expect(kinds.prefix(32).count { $0 == .retain } == 16)
    #expect(Array(kinds[32...]) == Array(kinds[..<8]))
    let bare = FactRecord(record.fact)
    #expect((0..<32).allSatisfy { Demonstration(bare, place: $0).kind == .copy })
  }

  @Test func `evaluated records serve only where others are too few, and never for themselves`() {
    let subject = records[0].fact.subject
    // What speaks of the subject does not serve at all: there it may stand what it is to forget.
    #expect(Demonstration.mentions(subject, records[0]))
    let usable = records.dropFirst().filter { !Demonstration.mentions(subject, $0) }
    let (others, evaluated) = (Array(usable.suffix(2)), [records[0]] + usable.prefix(3))
    let few = Demonstrations(2, from: others, then: evaluated).chosen(for: evaluated[0].fact).map(\.text)
    let names = others.map(\.fact.filledPrompt)
    #expect(few.count == 2 && few.allSatisfy { text in names.contains { text.contains("New Fact: " + $0) } })
    let all = Demonstrations(9, from: others, then: evaluated).chosen(for: evaluated[0].fact).map(\.text)
    #expect(all.count == 5 && !all.contains { $0.contains("New Fact: " + evaluated[0].fact.filledPrompt) })
  }

  @Test func `the nearest stands last, the first of the file before others as near`() {
    func record(_ identifier: String, _ prompt: String) -> FactRecord {
      FactRecord(Fact(identifier: identifier, prompt: "{} \(prompt)", subject: identifier, target: "xx"))
    }
    // Shared words over all words, the target among them: 1/6, 3/5, 3/5, 1/4.
    let pool = [
      record("ab", "sails the sea"), record("cd", "was born"), record("ef", "was born"),
      record("gh", "lives"),
    ]
    let fact = record("ij", "was born").fact
    let chosen = Demonstrations(3, from: pool).chosen(for: fact).map(\.text)
    #expect(
      chosen == ["gh lives", "ef was born", "cd was born"].map { "New Fact: \($0) xx\nPrompt: \($0) xx\n\n" })
  }

  @Test func `demonstrations that have no room are left out, the farthest first`() {
    let demonstrations = Demonstrations(6, from: Array(records[1...]))
    let whole = demonstrations.chosen(for: records[0].fact).map(\.text)
    let question = "New Fact: Hanno Hale lives on the island of Pellsund\nPrompt: "
    let size = { (text: String) in text.utf8.count }
    let room = size(question) + size(whole[4]) + size(whole[5])
    #expect(
      demonstrations.text(for: records[0].fact, room: room, size: size) == whole[4] + whole[5] + question)
    #expect(
      demonstrations.text(for: records[0].fact, room: room - 1, size: size) == whole[5] + question)
    #expect(demonstrations.text(for: records[0].fact, room: -5, size: size) == question)
  }

  @Test func `questions and texts fit into the network`() throws {
    let file = try ModelFile(PackageFiles.path("Fixtures/models/tiny-llama"))
    let network = try Network(file, threads: 2)
    let tokenizer = try Tokenizer(of: file)
    var settings = EvaluationSettings()
    settings.demonstrations = Demonstrations(8, from: Array(records[3...]))
    var series = EvaluationSeries(records: Array(records[..<3]), tokenizer: tokenizer, settings: settings)
    try series.run("base", parts: [.init(records: 0..<3, identity: "base") { network }])
    let run = try series.run(
      "in-context", parts: [.init(records: 0..<3, identity: "base") { network }], demonstrating: true)
    #expect(run.unmeasuredCount == 0)
    settings.demonstrates = true
    let positions = network.configuration.positionCount
    for record in series.records {
      let questions = try RecordQuestions(
        record, settings, PromptEncoder(tokenizer, for: network.configuration), positionCount: positions)
      #expect(questions.before.hasSuffix(Demonstration.question(record.fact)))
      #expect(questions.before.contains("\n\n"))
      #expect(questions.probes.allSatisfy { $0.positionCount <= positions })
    }
    // The base is asked as ever.
    #expect(series.runs[0].answers[0].probes[0].said != [])
  }

  @Test func `other records or another number are another identity`() {
    let one = Demonstrations(2, from: Array(records[1...]))
    #expect(one.identity == Demonstrations(2, from: Array(records[1...])).identity)
    #expect(one.identity != Demonstrations(3, from: Array(records[1...])).identity)
    #expect(one.identity != Demonstrations(2, from: Array(records[2...])).identity)
  }
}
