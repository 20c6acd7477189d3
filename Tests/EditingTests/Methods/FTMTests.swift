import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// FT-M against what plain PyTorch makes of it (`Fixtures/make/ft_m.py`).
@Suite struct FTMTests {
  @Test(arguments: FixtureModel.names) func `the first steps are torch's`(name: String) throws {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).ft-m.safetensors")
    func note(_ key: String) throws -> Double {
      let text = try #require(tensors.file.metadata[0].first { $0.key == key }?.value)
      return try #require(JSONValue(parsing: Array(text.utf8)).number)
    }
    let wanted = try tensors.matrix("losses")
    var recipe = model.recipe(.ftm)
    recipe.steps = wanted.rows
    recipe.learningRate = try note("rate")
    recipe.layers = [Int(try note("layer"))]
    let training = WeightTraining(
      network: model.network, layer: recipe.layers[0], settings: recipe.gradients, threads: 1)
    let texts = try TargetText.all(model.problems(model.facts(wanted.columns)))
    let weight = try model.network.downProjection(of: training.layer)
    let tensor = try model.network.model.tensor(weight)
    let bytes = try model.network.model.file(of: tensor).read(
      tensor.byteCount, at: tensor.byteRange.lowerBound)
    let start = try tensor.floats(
      bytes, WeightSolver.orientation(of: weight, in: model.network.model, fallback: nil))

    let batch = try training.batches(texts)[0]
    let (_, gradient) = try training.evaluate(batch, change: Matrix(rows: start.rows, columns: start.columns))
    func error(_ change: Matrix<Float>, _ name: String) throws -> Double {
      relativeError(
        batch.keys.times(change, otherTransposed: true).elements,
        try tensors.matrix(name).elements.map { Float($0) })
    }
    #expect(try error(gradient, "gradient") < 1e-4)
    let result = try training.train(texts, from: start)
    for step in 0..<wanted.rows {
      let losses = wanted.row(step).map { Float($0) }
      #expect(relativeError(result.losses.map { $0[step] }, losses) < 1e-3, "step \(step)")
    }
    #expect(try error(result.change, "effect") < 1e-3)
  }

  @Test(arguments: FixtureModel.names) func `facts take, without a subject being asked for`(name: String)
    throws
  {
    let folder = try TemporaryFolder()
    let model = try FixtureModel(name)
    let report = try model.run(.ftm, facts: 3).write("fix", in: folder)
    #expect(report.failed.isEmpty && report.card.weights.count == 1)
    let patch = try PatchFile(folder.path("fix"))
    let edit = try #require(patch.manifest["edit"])
    #expect(edit["method"] == "ft-m" && edit["recipe"]?["bound"] == nil && edit["recipe"]?["clamp"] == nil)
    #expect(patch.changes.map(\.label) == ["difference"])
  }

  @Test func `the published layer is chosen where the published models have it`() {
    func layer(_ count: Int) -> Int {
      EditRecipe(for: .ftm, family: nil, layerCount: count, width: 4096, keyWidth: 11_008).layers[0]
    }
    #expect(layer(32) == 21 && layer(2) == 0 && layer(1) == 0)
    let recipe = EditRecipe(for: .ftm, family: nil, layerCount: 32, width: 4096, keyWidth: 11_008)
    #expect(recipe.learningRate == 5e-4 && recipe.steps == 25 && recipe.gradients.bound == .infinity)
  }
}
