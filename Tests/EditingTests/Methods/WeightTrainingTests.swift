import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// FT-L.
@Suite struct WeightTrainingTests {
  static let tolerance = 1e-4

  private func training(
    _ reference: MethodReference, _ change: (inout GradientSettings) -> Void = { _ in }
  ) throws -> WeightTraining {
    var settings = GradientSettings()
    settings.learningRate = try reference.number("training_rate")
    settings.bound = try reference.number("bound")
    settings.steps = try reference.rows("ft.losses").count
    change(&settings)
    return try WeightTraining(
      network: reference.model.network, layer: #require(reference.layers.last), settings: settings, threads: 1
    )
  }

  @Test(arguments: FixtureModel.names) func `the first steps are torch's`(name: String) throws {
    let reference = try MethodReference(name)
    let training = try training(reference)
    let texts = try TargetText.all(reference.problems())
    let start = try reference.weight(of: training.layer)

    let batch = try training.batches(texts)[0]
    let (losses, gradient) = try training.evaluate(
      batch, change: Matrix(rows: start.rows, columns: start.columns))
    let effect = batch.keys.times(gradient, otherTransposed: true)
    #expect(relativeError(effect.elements, try reference.floats("ft.gradient")) < Self.tolerance)

    let result = try training.train(texts, from: start)
    let wanted = try reference.rows("ft.losses")
    #expect(result.losses.map(\.[0]) == losses)
    for (step, wanted) in wanted.enumerated() {
      let error = relativeError(result.losses.map { $0[step] }, wanted)
      #expect(error < Self.tolerance, "step \(step): \(error)")
    }
    let change = batch.keys.times(result.change, otherTransposed: true)
    let error = relativeError(change.elements, try reference.floats("ft.effect"))
    #expect(error < 1e-3, "effect \(error)")
  }

  @Test func `no element leaves its box, and training stops when there is nothing to learn`() throws {
    let reference = try MethodReference("tiny-gpt2")
    let training = try training(reference) {
      $0.steps = 60
      $0.learningRate = 0.02
      $0.bound = 0.02
    }
    let texts = try TargetText.all(reference.problems())
    let result = try training.train(texts, from: reference.weight(of: training.layer))
    #expect(result.change.elements.allSatisfy { $0.magnitude <= 0.02 * 1.0001 })
    #expect(result.change.elements.contains { $0.magnitude > 0.0199 })
    let means = result.losses[0].indices.map { step in result.losses.reduce(0) { $0 + $1[step] } / 2 }
    #expect(means.count < 60 && means.last! < 1e-2 && means[0] > 1)
    #expect(means.dropLast().allSatisfy { $0 >= 1e-2 })
  }

  @Test(arguments: FixtureModel.names)
  func `the patch holds a dense change that applies and reverts`(name: String) throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel(name)
    let run = try model.run(.ftl, facts: 3)
    let report = try run.write("fix", in: folder)
    #expect(report.facts.allSatisfy { $0.after.probability > 5 * $0.before.probability })
    let weight = try #require(report.card.weights.first)
    #expect(report.card.weights.count == 1 && weight.solution == nil && weight.retentions.count == 3)
    #expect(weight.changedCount > 0 && weight.relativeNorm > 0 && weight.retention > 0.9)
    let patch = try PatchFile(folder.path("fix"))
    #expect(patch.changes.map(\.label) == ["difference"])
    #expect(patch.changes[0].measured?["retention"] == .measured(weight.retention))
    #expect(patch.manifest["edit"]?["recipe"]?["bound"] == .number(run.plan.recipe.gradients.bound))
    #expect(
      try run.measures(applying: "fix", in: folder).map(\.probability)
        == report.facts.map(\.after.probability))

    let edited = try ModelFile(folder.path("fix.edited"))
    try PatchRun(patch, edited, threads: 1).write(.revert, to: folder.path("reverted"))
    let name = try model.network.downProjection(of: run.plan.recipe.layers[0])
    func bytes(_ model: ModelFile) throws -> [UInt8] {
      let tensor = try model.tensor(name)
      return try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    }
    #expect(try bytes(ModelFile(folder.path("reverted"))) == bytes(model.network.model))
    #expect(try bytes(edited) != bytes(model.network.model))
  }

  @Test func `batches of a sequence add up`() throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(.ftl, facts: 4)
    run.plan.sequence = .accumulate(batch: 2)
    let report = try run.write("fix", in: folder)
    #expect(report.card.weights[0].retentions.count == 4)
    #expect(
      try run.measures(applying: "fix", in: folder).map(\.probability)
        == report.facts.map(\.after.probability))
  }

  @Test func `more than one layer is refused`() throws {
    #expect(throws: EditError.methodTakesOneLayer(method: .ftl, layers: [1, 2])) {
      try FixtureModel("tiny-gpt2").run(.ftl, facts: 1, layers: [1, 2])
    }
  }
}
