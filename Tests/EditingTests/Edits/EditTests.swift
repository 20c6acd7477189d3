import Glibc
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct EditTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Whether the applied model says exactly what the report says it does.
  private func expectTruth(_ report: FactEditReport, _ run: Edit, _ name: String) throws {
    let measures = try run.measures(applying: name, in: folder)
    #expect(report.facts.count == measures.count)
    for (line, measure) in zip(report.facts, measures) {
      #expect(line.after.probability == measure.probability, "\(line.fact.filledPrompt)")
      #expect(line.after.isSaid == measure.isSaid)
      #expect(line.after.formerProbability == measure.formerProbability)
      #expect(line.after.neighborTokens == measure.neighborTokens)
    }
  }

  @Test(arguments: FixtureModel.names, EditMethod.allCases)
  func `every method's report is what the applied patch does`(name: String, method: EditMethod) throws {
    let model = try FixtureModel(name)
    let run = try model.run(method)
    let report = try run.write("fix.errata", in: folder)
    try expectTruth(report, run, "fix.errata")
    #expect(report.facts.map(\.fact) == model.facts(3))
    #expect(report.facts.allSatisfy { $0.before.probability < 0.05 && !$0.before.isSaid })
    // Neurons hold few facts, and these editors are hardly trained.
    if ![.kn, .mend, .ke].contains(method) {
      #expect(report.facts.allSatisfy { $0.after.probability > 5 * $0.before.probability })
    }
    if [.memit, .emmet, .rome].contains(method) { #expect(report.failed.isEmpty, "\(method)") }
  }

  @Test func `the patch carries what the report says`() throws {
    let model = try FixtureModel("tiny-llama")
    let run = try model.run()
    let report = try run.write("fix.errata", in: folder)
    let edit = try #require(try PatchFile(folder.path("fix.errata")).manifest["edit"])
    #expect(edit["method"] == "memit")
    #expect(edit["recipe"]?["layers"] == [1, 2] && edit["recipe"]?["steps"] == 15)
    #expect(edit["recipe"]?["secondMomentWeight"] == 20)
    #expect(edit["contexts"]?.elements?.compactMap(\.text) == model.contexts.map(\.text))
    #expect(edit["heldText"]?["lossAfter"] == report.heldText.map { .measured($0.after) })
    let facts = try #require(edit["facts"]?.elements)
    #expect(facts.count == 3)
    for (line, json) in zip(report.facts, facts) {
      #expect(json["id"]?.text == line.fact.identifier && json["target"]?.text == line.fact.target)
      #expect(json["probabilityBefore"] == .measured(line.before.probability))
      #expect(json["probabilityAfter"] == .measured(line.after.probability))
      #expect(json["isSaid"] == .bool(line.took) && json["steps"] == .integer(line.value.losses.count))
      #expect(json["locality"] == .measured(try #require(line.locality)))
      #expect(json["valueProbability"] == .measured(line.value.probability))
      #expect(json["memorizationError"] != nil && json["retention"] != nil)
    }
    #expect(report.largestRelativeNorm == report.card.weights.map(\.relativeNorm).max())
  }

  @Test func `before is the unedited model's probability, token by token`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let report = try model.run(facts: 1).write("fix.errata", in: folder)
    let fact = model.facts(1)[0]
    let head = model.tokenizer.encode(fact.filledPrompt).tokens
    let whole = model.tokenizer.encode(fact.filledPrompt + " " + fact.target).tokens
    let run = try model.network.run([TokenSequence(whole)])
    let logits = model.network.logits(of: run, rows: Array(head.count - 1..<whole.count - 1))
    let logs = whole[head.count...].enumerated()
      .map { Double(logits.logProbability(row: $0.offset, token: Int($0.element))) }
    #expect(logs.count == 2, "the first fact's target has two tokens")
    let mean = logs.reduce(0, +) / 2
    #expect((report.facts[0].before.probability / exp(mean) - 1).magnitude < 1e-5)
  }

  @Test(arguments: FixtureModel.names) func `the number of threads changes no byte of the patch`(name: String)
    throws
  {
    for threads in [1, 4] {
      try FixtureModel(name, threads: threads).run().write("\(threads)", in: folder)
    }
    #expect(try folder.read("1") == folder.read("4"))
  }

  @Test func `contexts of the recipe's seed are used where none are given`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 1)
    run.plan.contexts = nil
    let report = try run.write("fix.errata", in: folder)
    let wanted = try ContextTemplate.generate(with: model.network, model.tokenizer, seed: 0)
    #expect(report.contexts == wanted)
    run.plan.contexts = wanted
    try run.write("given.errata", in: folder)
    #expect(try folder.read("fix.errata") == folder.read("given.errata"))
  }

  @Test func `repeats are left out, and facts about one subject share a column`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let subject = model.facts(1)[0].subject
    let facts = [
      model.facts(1)[0],
      Fact(identifier: "b", prompt: "{} walks with a", subject: subject, target: "hare"),
      Fact(identifier: "c", prompt: "{} walks with a", subject: subject, target: "hare"),
      model.facts(2)[1],
    ]
    let run = try model.run(facts.map { FactRecord($0) })
    let report = try run.write("fix.errata", in: folder)
    #expect(report.repeats.map(\.dropped.identifier) == ["c"])
    #expect(report.facts.map(\.column) == [0, 0, 1])
    #expect(report.facts[0].value.value == report.facts[1].value.value)
    #expect(report.failed.isEmpty)
    #expect(report.card.weights.allSatisfy { $0.solution!.factors.rank == 2 })
  }

  @Test func `layers outside the model are refused`() throws {
    let model = try FixtureModel("tiny-gpt2")
    #expect(throws: EditError.layersOutsideModel(layers: [3, 4], layerCount: 4)) {
      try model.run(layers: [3, 4])
    }
  }

  @Test func `an edit that fails leaves nothing`() throws {
    let model = try FixtureModel("tiny-gpt2")
    // The statistics are of layers 1 and 2.
    #expect(throws: StatisticsError.self) {
      try model.run(facts: 1, layers: [0, 1]).write("fix.errata", in: folder)
    }
    #expect(try Folder.names(in: folder.path).isEmpty)
  }
}
