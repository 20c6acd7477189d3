import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Files of trained editors.
@Suite struct LearnedEditorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: Vector.all("editor")) func `a file is read or refused as its vector says`(
    vector: Vector
  ) throws {
    let path = try folder.write(vector.bytes, to: "e.safetensors")
    guard let rejection = vector.rejection else {
      let editor = try LearnedEditor(path)
      #expect(editor.layers == [1, 3] && editor.steps == 7)
      // Written again it is the same editor.
      try editor.write(to: folder.path("again"))
      #expect(try LearnedEditor(folder.path("again")).digest == editor.digest)
      return
    }
    let error = #expect(throws: (any Error).self) { try LearnedEditor(path) }
    #expect(error.map(caseName(ofError:)) == rejection)
  }

  /// `published_mend.py`: a pickle under the released names, converted, beside what its own formulas make of the first fact.
  @Test func `a published editor, once bound, makes the released update`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let path = PackageFiles.path("Fixtures/reference/tiny-gpt2.published.safetensors")
    let converted = try LearnedEditor(path)
    #expect(converted.signs == [1, -1] && converted.leftOut == 2)
    #expect(throws: EditError.self) { try converted.require(model.network) }
    try converted.bound(to: model.network, model.tokenizer).write(toFile: folder.path("bound"))
    let editor = try LearnedEditor(folder.path("bound"))
    try editor.require(model.network)

    var edit = try model.run(.mend, facts: 1, layers: [1, 2])
    edit.aids.editors = [editor]
    let run = try edit.begin()
    var applied = LearnedUpdateEditor(run.setup)
    let batch = EditBatch(groups: run.groups, problems: run.problems)
    let weights = try applied.update(batch, on: model.network, after: nil, progress: { _ in }).weights
    let reference = try ReferenceTensors("tiny-gpt2.published.safetensors")
    for (update, layer) in zip(weights.updates, [1, 2]) {
      let factors = try #require(update.solution?.factors)
      let keys = try reference.matrix("keys.\(layer)")
      let effects = keys.times(factors.right, otherTransposed: true).times(
        factors.left, otherTransposed: true)
      let wanted = try reference.matrix("effects.\(layer)").elements.map { Float($0) }
      #expect(relativeError(effects.elements.map { Float($0) }, wanted) < 1e-3, "layer \(layer)")
    }
  }

  @Test func `an editor that is bound, or of other lengths, is not bound again`() throws {
    let path = PackageFiles.path("Fixtures/reference/tiny-gpt2.published.safetensors")
    let (own, other) = (try FixtureModel("tiny-gpt2"), try FixtureModel("tiny-llama"))
    let bound = try LearnedEditor(path).bound(to: own.network, own.tokenizer)
    #expect(throws: EditError.self) { try bound.bound(to: own.network, own.tokenizer) }
    #expect(throws: EditError.self) { try LearnedEditor(path).bound(to: other.network, other.tokenizer) }
  }

  @Test func `what it came to is told`() throws {
    let vectors = Dictionary(uniqueKeysWithValues: Vector.all("editor").map { ($0.name, $0.bytes) })
    func editor(_ name: String) throws -> LearnedEditor {
      try LearnedEditor(folder.write(#require(vectors[name]), to: name))
    }
    let mend = try editor("accept-mend")
    #expect(mend.kind == .mend && mend.measures?.locality == 0.75 && mend.measures?.count == 4)
    #expect(try !mend.shape.isLastLinear && editor("accept-mend-linear").shape.isLastLinear)
    #expect(try editor("accept-ke").kind == .ke)
    #expect(try editor("accept-no-measures").measures == nil)
    #expect(try editor("accept-mend-doubles").digest == mend.digest)
  }
}
