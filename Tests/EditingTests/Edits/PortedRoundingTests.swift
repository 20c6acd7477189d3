import Floor
import ModelFiles
import TestSupport
import Testing

@testable import Editing
@testable import Patches

/// An edit of the float model, carried over to a quantized file by its own objective.
@Suite struct PortedRoundingTests {
  static let target = PackageFiles.path("Fixtures/models/tiny-llama-q4_k.gguf")

  let folder: TemporaryFolder
  let patch: PatchFile

  init() throws {
    folder = try TemporaryFolder()
    // Values stay near: the change is small beside the weights, as in a large model.
    var run = try FixtureModel("tiny-llama").run(.memit, facts: 2)
    run.plan.recipe.values.clamp = 0.03
    _ = try run.write("patch", in: folder)
    patch = try PatchFile(folder.path("patch"))
  }

  private func plan(
    of patch: PatchFile, statistics: StatisticsFile? = nil, threads: Int = 2
  ) throws -> (plan: PortPlan, unweighted: [String]) {
    var plan = try PortPlan(patch, ModelFile(Self.target), promotion: .keep, threads: threads)
    var rounding = PortedRounding(patch, statistics: statistics)
    try plan.chooseCodes(by: { try rounding?.objective(for: $0) })
    return (plan, rounding?.unweighted ?? [])
  }

  @Test func `chosen codes keep at the keys what nearest codes lose`() throws {
    let nearest = try PortPlan(patch, ModelFile(Self.target), promotion: .keep, threads: 2)
    let (chosen, unweighted) = try plan(of: patch)
    #expect(unweighted.isEmpty && nearest.leastRetention == nil)
    #expect(try #require(chosen.leastRetention) > 0.93)
    for (near, own) in zip(try nearest.measure(), try chosen.measure()) {
      let (near, own) = (try #require(near.keyRetention), try #require(own.keyRetention))
      #expect(own > 0.93 && near < 0.9, "\(near) \(own)")
    }
  }

  @Test func `what is ported is a patch of the file, there and back, that can be ported again`() throws {
    let (chosen, _) = try plan(of: patch)
    let (undo, measures) = try chosen.writeUndo(to: folder.path("undo"), tool: "errata test")
    #expect(undo.changes.allSatisfy { $0.lowRank?.isAware ?? false } && measures.count == undo.changes.count)
    let model = try ModelFile(Self.target)
    try PatchRun(undo, model, threads: 2).write(.apply, to: folder.path("edited.gguf"))
    let edited = try ModelFile(folder.path("edited.gguf"))
    #expect(try edited.shards[0].size() == model.shards[0].size())
    try PatchRun(undo, edited, threads: 2).write(.revert, to: folder.path("back.gguf"))
    #expect(try FileBytes.read(folder.path("back.gguf")) == FileBytes.read(Self.target))
    // The undo holds the factors, so the float model can be given the same edit from it.
    let back = try PortPlan(
      undo, ModelFile(PackageFiles.path("Fixtures/models/tiny-llama")), promotion: .f16, threads: 2)
    #expect(back.tensors.count == undo.changes.count)
  }

  @Test func `threads change nothing`() throws {
    let results = try [1, 3].map { try plan(of: patch, threads: $0).plan.tensors.map { $0.chosen?.bytes } }
    #expect(results[0] == results[1])
  }

  @Test func `second moments of the model take the place of the patch's own`() throws {
    let own = try plan(of: patch).plan
    // Those that the patch was made with say the same, under the names of the other container.
    let given = try plan(of: patch, statistics: FixtureModel("tiny-llama").statistics()).plan
    for (a, b) in zip(own.tensors, given.tensors) {
      #expect(a.chosen?.changedCount == b.chosen?.changedCount)
    }
  }

  @Test func `a patch without second moments says so, one without keys rounds each element alone`() throws {
    var run = try FixtureModel("tiny-llama").run(.memit, facts: 2)
    run.keepsEdits = false
    _ = try run.write("bare", in: folder)
    let (bare, _) = try plan(of: PatchFile(folder.path("bare")))
    #expect(bare.leastRetention == nil && bare.tensors.allSatisfy { !$0.isChosen && !$0.canChoose })

    var found = try #require(PortedRounding(patch, statistics: nil))
    let other = try StatisticsFile(PackageFiles.path("Fixtures/reference/tiny-gpt2.statistics.safetensors"))
    var wrong = try #require(PortedRounding(patch, statistics: other))
    let tensor = try PortPlan(patch, ModelFile(Self.target), promotion: .keep, threads: 2).tensors[0]
    #expect(throws: (any Error).self) { try wrong.objective(for: tensor) }
    #expect(try found.objective(for: tensor) != nil && found.unweighted.isEmpty)
  }
}
