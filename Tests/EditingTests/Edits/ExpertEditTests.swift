import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Edits of the tiny mixture of experts that knows the world: all experts that a fact goes through are changed in one solve.
@Suite struct ExpertEditTests {
  static let model = Result { try FixtureModel("tiny-moe") }
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// An edit of some facts in the world's contexts, with second moments of a part of the corpus.
  private func edit(_ model: FixtureModel, _ method: EditMethod, _ records: [FactRecord]) throws -> Edit {
    let layers = method.layers == .spread ? [1, 2] : [1]
    let corpus = try Corpus([PackageFiles.path("Fixtures/world/corpus.txt")])
    var collection = try StatisticsCollection(
      network: model.network, tokenizer: model.tokenizer, corpus: corpus, layers: layers)
    collection.tokenLimit = 6000
    _ = try collection.write(to: folder.path("statistics.safetensors"))
    var plan = EditPlan(EditRecipe(for: method, configuration: model.network.configuration))
    plan.recipe.layers = layers
    plan.recipe.values.steps = 20
    plan.recipe.values.weightDecay = 0.5
    plan.recipe.values.clamp = plan.recipe.values.target == .value ? 6 : 1
    plan.recipe.values.learningRate = 0.5
    plan.recipe.update.secondMomentWeight = 20
    plan.contexts = model.contexts
    return try Edit(
      network: model.network, tokenizer: model.tokenizer, records: records,
      statistics: StatisticsFile(folder.path("statistics.safetensors")), plan: plan)
  }

  @Test(arguments: [EditMethod.memit, .rome])
  func `facts are taken, and the patch does what the report says`(method: EditMethod) throws {
    let model = try Self.model.get()
    let records = Array(model.records.prefix(method == .rome ? 1 : 4))
    let run = try edit(model, method, records)
    let report = try run.write("fix.errata", in: folder)
    #expect(report.facts.allSatisfy { !$0.before.isSaid && $0.after.isSaid })
    for (line, measure) in zip(report.facts, try run.measures(applying: "fix.errata", in: folder)) {
      #expect(line.after.probability == measure.probability)
    }
    // Only experts' down-projections of the edited layers change, and not all of those that there are.
    let patch = try PatchFile(folder.path("fix.errata"))
    let own = run.plan.recipe.layers.flatMap { model.network.downProjections(of: $0).map(\.name) }
    #expect(patch.changes.allSatisfy { own.contains($0.name) && $0.lowRank != nil })
    let reverted = try PatchRun(patch, ModelFile(folder.path("fix.errata.edited")), threads: 2)
    try reverted.write(.revert, to: folder.path("back"))
    #expect(
      try FileBytes.read(folder.path("back/model.safetensors"))
        == FileBytes.read(Folder.path(model.network.model.folder, "model.safetensors")))
  }

  @Test func `second moments are of each expert, over all tokens`() throws {
    let model = try Self.model.get()
    let run = try edit(model, .memit, Array(model.records.prefix(1)))
    let statistics = try #require(run.statistics)
    #expect(statistics.weights.count == 12)
    var reached = 0
    for projection in model.network.downProjections(of: 1) {
      let tokens = try statistics.tokenCount(of: projection.name)
      #expect(try statistics.inputWidth(of: projection.name) == 48)
      let own = try #require(try statistics.reachedCount(of: projection.name))
      #expect(own <= tokens)
      reached += own
    }
    // Two of six experts for each token.
    let tokens = try statistics.tokenCount(of: statistics.weights[0])
    #expect(reached == 2 * tokens)
  }

  @Test func `methods that change one weight refuse a layer of experts`() throws {
    let model = try Self.model.get()
    for method in [EditMethod.ftm, .ultraedit] {
      var run = try edit(model, .rome, Array(model.records.prefix(1)))
      run.plan.recipe = EditRecipe(for: method, configuration: model.network.configuration)
      run.plan.recipe.layers = [1]
      #expect(throws: EditError.methodTakesOneWeight(method: method, layer: 1, experts: 6)) {
        try run.requireEditableWeights()
      }
    }
  }
}
