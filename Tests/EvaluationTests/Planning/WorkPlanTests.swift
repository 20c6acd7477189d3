import Editing
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Evaluation

/// What is planned: counts that are right, and formulas that grow as the work does.
struct WorkPlanTests {
  let network: Network
  let tokenizer: Tokenizer
  let records: [FactRecord]
  let contexts: [ContextTemplate]

  init() throws {
    let file = try ModelFile(EvaluationTests.model)
    network = try Network(file, threads: 1)
    tokenizer = try Tokenizer(of: file)
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).limited(to: 6).records
    contexts = try ContextTemplate.read(PackageFiles.path("Fixtures/world/contexts.json"))
  }

  private func edit(_ records: [FactRecord], layers: [Int] = [1]) throws -> Edit {
    var plan = EditPlan(EditRecipe(for: .memit, configuration: network.configuration))
    plan.recipe.layers = layers
    plan.contexts = contexts
    return try Edit(
      network: network, tokenizer: tokenizer, records: records, statistics: nil, plan: plan)
  }

  @Test func `texts are counted as they are run`() throws {
    let whole = try edit(records).valueWork()
    let single = try records.map { try edit([$0]).valueWork() }
    #expect(whole.facts == records.count)
    func sum(_ works: [ValueWork], _ count: (ValueWork.Batch) -> Int) -> Int {
      works.flatMap(\.batches).reduce(0) { $0 + count($1) }
    }
    #expect(sum([whole], \.rows) == sum(single, \.rows))
    #expect(sum([whole], \.logits) == sum(single, \.logits))
    #expect(sum([whole], \.past) == sum(single, \.past))
    #expect(sum([whole], \.texts) == sum(single, \.texts))
    // Beginnings that facts share are run once, and so are those of one fact's texts.
    #expect(sum([whole], \.heads) <= sum(single, \.heads))
    #expect(sum([whole], \.heads) <= sum([whole], \.past))
    // A fact in its contexts and the subject alone, each with the subject's last token; a target's token is read in each context.
    let texts = contexts.count + 1
    let batch = try #require(single[0].batches.first)
    #expect(batch.rows >= texts + 1)
    #expect((batch.logits - 1) % texts == 0)
    // Answers' tokens but the last are run with the prompts.
    let asked = try Evaluation(network: network, tokenizer: tokenizer, settings: .init()).workload(records)
    #expect(asked.logits >= records.reduce(0) { $0 + 1 + $1.probes.count })
    #expect(asked.tokens > asked.logits)
  }

  @Test func `phases grow with the work`() throws {
    let plan = try WorkPlan(.init(edit(records), tokens: 4096), base: 1000)
    #expect(plan.phases.map(\.name) == [.stats, .values, .edit, .eval, .apply])
    #expect(plan.phases.allSatisfy { $0.memory > 1000 && $0.processorSeconds > 0 && $0.disk > 0 })
    #expect(plan.cost.tapeByteCount >= 4 * network.configuration.width)
    #expect(plan.cost.rowByteCount >= 4 * network.configuration.feedForwardWidth)
    func formulas(_ layers: [Int], base: Int = 0) throws -> WorkFormulas {
      WorkFormulas(network, try edit(records, layers: layers).plan, plan.cost, plan.rates, base: base)
    }
    let one = try formulas([1])
    let two = try formulas([0, 1])
    // Twice the text takes twice the time and the same memory; a layer more holds a sum more, and pages no more.
    #expect(one.stats(tokens: 8192).processorSeconds == 2 * one.stats(tokens: 4096).processorSeconds)
    #expect(one.stats(tokens: 8192).memory == one.stats(tokens: 4096).memory)
    let square = network.configuration.feedForwardWidth * network.configuration.feedForwardWidth
    #expect(two.stats(tokens: 4096).memory - one.stats(tokens: 4096).memory == 8 * square)
    #expect(two.stats(tokens: 4096).disk == 2 * one.stats(tokens: 4096).disk)
    // Second moments are factored one at a time.
    let weight = try network.model.tensor(network.downProjections(of: 0)[0].name).byteCount
    #expect(two.edit(plan.values).memory - one.edit(plan.values).memory == weight)
    let other = try formulas([1], base: 77)
    #expect(
      other.eval(tokens: 99, logits: 9, records: 3).memory
        == one.eval(tokens: 99, logits: 9, records: 3).memory + 77)
  }
}
