import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Numbers that are none, at every stage of an edit: refused with what holds them, and nothing is written.
@Suite struct NotNumbersTests {
  let folder: TemporaryFolder
  let model: FixtureModel

  init() throws {
    folder = try TemporaryFolder()
    model = try FixtureModel("tiny-gpt2")
  }

  @Test(arguments: [Float.nan, .infinity]) func `keys that are none are no statistics`(spoiler: Float) throws
  {
    let weight = "transformer.h.1.mlp.c_fc.bias"
    let spoiled = try model.changed(in: folder) { name, elements in
      if name == weight { elements[5] = spoiler }
    }
    let text = try folder.write(Array("Ada walks with a hare.\nAda drinks tea.\n".utf8), to: "text.txt")
    let collection = try StatisticsCollection(
      network: spoiled.network, tokenizer: spoiled.tokenizer, corpus: Corpus([text]), layers: [1])
    let error = #expect(throws: EditError.self) { try collection.write(to: folder.path("stats")) }
    guard case .nonFiniteKeySum("transformer.h.1.mlp.c_proj.weight", input: _) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(!Folder.fileExists(folder.path("stats")))
  }

  @Test(arguments: EditMethod.all) func `an edit of a model whose logits are none says which tensor`(
    method: EditMethod
  ) throws {
    let spoiled = try model.changed(in: folder) { name, elements in
      if name == "transformer.ln_f.weight" { elements[3] = .nan }
    }
    #expect(throws: NetworkError.notNumbers(tensor: "transformer.ln_f.weight")) {
      try spoiled.run(method, facts: 1).write("fix", in: folder)
    }
    #expect(!Folder.fileExists(folder.path("fix")))
  }

  @Test(arguments: [EditMethod.memit, .rome, .ftl, .ftm])
  func `weights beyond F16 are refused with tensor and fact`(
    method: EditMethod
  ) throws {
    let half = try model.changed(in: folder, type: .f16)
    var run = try half.run(method, facts: 2)
    // Values far outside of what F16 holds: 65504.
    run.plan.recipe.values.clamp = 1e7
    run.plan.recipe.values.weightDecay = 0
    run.plan.recipe.values.divergenceWeight = 0
    run.plan.recipe.values.keepsLast = true
    run.plan.recipe.values.stop = .never
    run.plan.recipe.steps = 2
    run.plan.recipe.learningRate = method.optimizesValues ? 3e6 : 1e6
    run.plan.recipe.gradients.bound = 1e6
    let error = #expect(throws: (any Error).self) { try run.write("fix", in: folder) }
    guard
      case .weightCannotHold(let edit, cause: .resultNotFinite(let tensor, _, .f16)) = error as? EditError
    else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(edit.hasPrefix("fact ") && tensor.hasSuffix("mlp.c_proj.weight"))
    #expect(!Folder.fileExists(folder.path("fix")))
  }

  @Test func `a solve beyond F16 is refused with its edit`() throws {
    let half = try model.changed(in: folder, type: .f16)
    let weight = try model.network.downProjection(of: 1)
    let keys = [Float](repeating: 1, count: 2 * 256)
    var residuals = [Float](repeating: 1, count: 2 * 64)
    residuals[64] = 1e9
    try SafetensorsWriter.write(
      [
        NewTensor(
          name: weight + ".keys", elementType: .f32, shape: [2, 256],
          elements: keys.enumerated().map { $1 + Float($0 % 7) * Float($0 / 256 + 1) }),
        NewTensor(name: weight + ".residuals", elementType: .f32, shape: [2, 64], elements: residuals),
      ], to: folder.path("keys"))
    var settings = UpdateSettings(method: .emmet)
    settings.usesSecondMoment = false
    let solve = KeyedSolve(
      model: half.network.model, keys: try KeysFile(folder.path("keys")), statistics: nil, settings: settings,
      options: LowRankOptions(), orientation: nil)
    let error = #expect(throws: EditError.self) { try solve.write(to: folder.path("fix"), tool: "test") }
    guard case .weightCannotHold("edit 2", cause: .resultNotFinite(weight, _, .f16)) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(!Folder.fileExists(folder.path("fix")))
  }

  @Test(arguments: ["no list", "{}", "[1"]) func `a note of facts that is none is refused`(note: String)
    throws
  {
    let weight = try model.network.downProjection(of: 1)
    try SafetensorsWriter.write(
      [
        NewTensor(name: weight + ".keys", elementType: .f32, shape: [1, 2], elements: [Float(1), 2]),
        NewTensor(name: weight + ".residuals", elementType: .f32, shape: [1, 1], elements: [Float(1)]),
      ], metadata: [("facts", note)], to: folder.path("keys"))
    let error = #expect(throws: EditError.self) { try KeysFile(folder.path("keys")) }
    guard case .badNote(_, key: "facts", detail: _?) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
  }
}
