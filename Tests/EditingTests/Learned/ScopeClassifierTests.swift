import Floor
import Glibc
import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// SERAC's classifier against PyTorch (`Fixtures/make/memory.py`), its training, and the memory that it routes.
@Suite struct ScopeClassifierTests {
  @Test(arguments: FixtureModel.names) func `the loss and its gradient are torch's`(name: String) throws {
    let tensors = try ReferenceTensors("\(name).memory.safetensors")
    let states = Matrix<Float>(try tensors.matrix("states"))
    let head = Matrix<Float>(try tensors.matrix("scope.head"))
    let rows = (0..<states.rows).map { Array(states.row($0)) }
    let shape = EditorShape(keyWidth: head.columns, outputWidth: 1, layerCount: 1, rank: head.rows)
    let mean = (0..<head.columns).map { column in rows.reduce(Float(0)) { $0 + $1[column] / 5 } }
    let classifier = ScopeClassifier(shape, mean: mean, deviation: 1, parameters: [head])
    func pairs(_ places: [(Int, Int)]) -> [ScopeClassifier.Pair] { places.map { (rows[$0.0], rows[$0.1]) } }
    let (loss, gradient) = classifier.gradient(
      within: pairs([(0, 1), (1, 0)]), outside: pairs([(0, 2), (1, 2), (2, 3)]))
    let wanted = try tensors.matrix("scope.loss").elements[0]
    #expect(abs(loss - wanted) < 1e-4 * max(1, wanted))
    #expect(
      relativeError(gradient.elements, Matrix<Float>(try tensors.matrix("scope.gradient")).elements) < 1e-3)
  }

  /// d² = .25 is a hit at exp(−.25) = .7788; the threshold lies at √ln 2 = .83256.
  @Test func `the scope ends where the distance is the root of ln 2`() {
    let classifier = ScopeClassifier(
      EditorShape(keyWidth: 1, outputWidth: 1, layerCount: 1, rank: 1), mean: [0], deviation: 1,
      parameters: [Matrix(rows: 1, columns: 1, elements: [1])])
    #expect(classifier.areInScope([([0], [0.5]), ([1], [1.8325]), ([0], [0.8326])]) == [true, true, false])
  }

  /// Twelve facts, four to a relation.
  private func records(_ model: FixtureModel) -> [FactRecord] { Array(model.records.prefix(24)) }

  private func train(_ model: FixtureModel, to path: String) throws -> LearnedEditor {
    var settings = EditorSettings(.serac, layerCount: model.network.configuration.layerCount)
    (settings.rank, settings.steps) = (8, 60)
    _ = try EditorTraining(
      network: model.network, tokenizer: model.tokenizer, records: records(model), settings: settings
    ).write(to: path)
    return try LearnedEditor(path)
  }

  @Test func `what is trained tells scopes of facts apart, and routes a memory`() throws {
    let model = try FixtureModel("tiny-llama")
    let folder = try TemporaryFolder()
    let editor = try train(model, to: folder.path("editor"))
    let measures = try #require(editor.measures)
    #expect(measures.efficacy == 1 && measures.paraphrase + measures.locality > 1)
    let language = LanguageModel(network: model.network, tokenizer: model.tokenizer)
    var edit = MemoryEdit(.seracSelf, of: Array(model.records.prefix(3)), for: language)
    #expect(throws: EditError.self) { try edit.write(to: folder.path("none"), tool: "test") }
    edit.scopes = .trained(editor)
    let report = try edit.write(to: folder.path("m"), tool: "test")
    #expect(report.unreached.isEmpty)
    #expect(
      report.patch.memory?.parts[0].route
        == .scope(states: StateChoice(layers: [1], ends: [2]), bySubject: true))
    let patched = try language.applying([report.patch])
    let fact = model.records[1].fact
    #expect(try patched.recall(fact.filledPrompt)?.score == 1)
    #expect(try patched.recall("Nobody Atall is fond of") == nil)
    // Facts that join need no editor; another model has no use for one.
    var more = MemoryEdit(.seracSelf, of: [model.records[5]], for: language)
    (more.scopes, more.earlier) = (.earlier, report.patch)
    #expect(
      try more.write(to: folder.path("more"), tool: "test").patch.memory?.parts.map(\.facts.count) == [4])
    #expect(throws: EditError.self) { try editor.require(FixtureModel("tiny-gpt2").network) }
  }
}
