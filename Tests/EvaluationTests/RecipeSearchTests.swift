import Editing
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Evaluation

/// A recipe is searched on some facts and judged on others.
@Suite struct RecipeSearchTests {
  private func records(_ count: Int) throws -> [FactRecord] {
    try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).limited(to: count).records
  }

  @Test func `records are split once for a seed, and none is on both sides`() throws {
    let all = try records(10)
    let (seen, held) = RecipeSearch.split(all, holdingOut: 0.3, seed: 1)
    #expect(seen.count == 7 && held.count == 3)
    #expect(Set((seen + held).map(\.fact.identifier)).count == 10)
    #expect(RecipeSearch.split(all, holdingOut: 0.3, seed: 1).held == held)
    #expect((2..<6).contains { RecipeSearch.split(all, holdingOut: 0.3, seed: $0).held != held })
    #expect(RecipeSearch.split(Array(all.prefix(2)), holdingOut: 0.01, seed: 0).held.count == 1)
    #expect(RecipeSearch.split(Array(all.prefix(2)), holdingOut: 0.99, seed: 0).seen.count == 1)
  }

  /// A recipe that writes nearly nothing is left for one that does.
  @Test func `a search keeps what is better, within its budget`() throws {
    let folder = try TemporaryFolder()
    let file = try ModelFile(EvaluationTests.model)
    let network = try Network(file, threads: 1)
    var plan = EditPlan(EditRecipe(for: .memit, configuration: network.configuration))
    plan.recipe.layers = [1]
    plan.recipe.values.steps = 6
    plan.recipe.update.secondMomentWeight = 1e5
    plan.contexts = []
    var search = RecipeSearch(
      network: network, tokenizer: try Tokenizer(of: file),
      statistics: try StatisticsFile(
        PackageFiles.path("Fixtures/reference/tiny-gpt2.statistics.safetensors")),
      plan: plan, weights: try CriterionWeights("reliability=1,locality=1"), budget: 1.5,
      scratch: folder.path("tune"))
    search.batch = 2
    let all = try records(3)
    let result = try search.search(Array(all.prefix(2)), heldOut: Array(all.suffix(1)))
    let scores = result.trials.compactMap(\.score)
    #expect(result.trials[0].recipe == plan.recipe && result.trials[0].change == nil)
    #expect(result.searched.before == scores[0] && result.searched.after == scores.max())
    #expect(result.trials.first { $0.score == scores.max() }?.recipe == result.best)
    // λ is the first that is varied, and less of it stores more.
    // Where the machine is so busy that the first trial takes the budget, that is said.
    #expect(result.trials.count > 1 ? result.trials[1].change?.setting == .secondMomentWeight : result.ranOut)
    #expect(result.best.update.secondMomentWeight < 1e5 || result.searched.after == scores[0])
    #expect(result.heldOut.before != nil && result.heldOut.after != nil)
    #expect(try Folder.names(in: folder.path).isEmpty)
  }

  @Test func `facts with nothing of what counts are refused`() throws {
    let file = try ModelFile(EvaluationTests.model)
    let network = try Network(file, threads: 1)
    var plan = EditPlan(EditRecipe(for: .ftm, configuration: network.configuration))
    plan.recipe.steps = 1
    plan.contexts = []
    let search = RecipeSearch(
      network: network, tokenizer: try Tokenizer(of: file), statistics: nil, plan: plan,
      weights: try CriterionWeights("portability=1"), budget: 1, scratch: "/nowhere/tune")
    #expect(throws: EvaluationError.nothingMeasured(["portability"])) {
      try search.search([try records(1)[0]], heldOut: [])
    }
  }
}
