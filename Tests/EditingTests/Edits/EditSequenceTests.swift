import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct EditSequenceTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: FixtureModel.names, [EditMethod.memit, .emmet, .alphaedit])
  func `batches on top of each other end where the applied patch does`(name: String, method: EditMethod)
    throws
  {
    let model = try FixtureModel(name)
    var run = try model.run(method, facts: 5)
    run.plan.sequence = .accumulate(batch: 2)
    let report = try run.write("fix.errata", in: folder)
    let measures = try run.measures(applying: "fix.errata", in: folder)
    #expect(report.facts.map(\.after.probability) == measures.map(\.probability))
    #expect(report.facts.map(\.column) == Array(0..<5))
    if method != .alphaedit { #expect(report.failed.isEmpty) }
    for weight in report.card.weights { #expect(weight.solution!.factors.rank <= 5) }
  }

  @Test func `one batch of all is the problem on the base`() throws {
    let model = try FixtureModel("tiny-llama")
    var run = try model.run(facts: 4)
    let resolved = try run.write("resolved", in: folder).card.patch
    run.plan.sequence = .accumulate(batch: 4)
    let accumulated = try run.write("accumulated", in: folder).card.patch
    #expect(resolved?.changes.map(\.resultDigest) == accumulated?.changes.map(\.resultDigest))
    #expect(resolved?.manifest["edit"]?["facts"] == accumulated?.manifest["edit"]?["facts"])
  }

  @Test func `values of a later batch are found on the model as it is then`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 4)
    run.plan.sequence = .accumulate(batch: 2)
    try run.write("all", in: folder, saveValues: "all.values")
    let first = try model.run(Array(model.records.prefix(2)))
    var alone = first
    alone.plan.sequence = .accumulate()
    try alone.write("first", in: folder)
    let patch = try PatchRun(PatchFile(folder.path("first")), model.network.model, threads: 1)
    var overlay = WeightOverlay()
    for (tensor, bytes) in try patch.tensors(.apply) { overlay[tensor] = bytes }
    let problems = try model.problems(Array(model.facts(4)[2...]))
    let found = try ValueOptimization(
      network: model.network.overlaid(overlay), layer: 2, settings: run.plan.recipe.values
    ).values(of: problems)
    let values = try ValuesFile(folder.path("all.values"))
    for (index, wanted) in found.enumerated() {
      let group = FactGroup(subject: "", facts: [model.facts(4)[2 + index]])
      let value = try #require(values.value(of: group, width: 64))
      #expect(relativeError(value.value, wanted.value) < 1e-5)
    }
  }

  @Test func `rome takes facts one after another, or all at once from the base`() throws {
    let model = try FixtureModel("tiny-llama")
    for accumulates in [false, true] {
      var run = try model.run(.rome, facts: 3)
      if accumulates { run.plan.sequence = .accumulate() }
      let report = try run.write("\(accumulates)", in: folder)
      #expect(report.failed.isEmpty)
      #expect(report.card.weights[0].solution!.factors.rank == 3)
      #expect(
        try run.measures(applying: "\(accumulates)", in: folder).map(\.probability)
          == report.facts.map(\.after.probability))
    }
    #expect(try folder.read("true") != folder.read("false"))
  }

  @Test func `the original of rome writes a fact as well`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(.rome, facts: 1)
    run.plan.isOriginal = true
    #expect(try run.write("fix", in: folder).failed.isEmpty)
  }
}
