import Floor
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing
@testable import Patches

/// Routes by what a model makes of prompts; numbers from PyTorch (`Fixtures/make/memory.py`).
@Suite struct EmbeddingRouteTests {
  private func prompts(_ model: FixtureModel) -> [String] { model.records.prefix(5).map(\.fact.filledPrompt) }

  @Test(arguments: FixtureModel.names) func `states and embeddings are torch's`(name: String) throws {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).memory.safetensors")
    let states = PromptStates(network: model.network, encoder: model.encoder)
    let (wanted, embeddings) = (try tensors.matrix("states"), try tensors.matrix("embeddings"))
    let found = try states.states(of: prompts(model), StateChoice(layers: [0, 2]))
    let facts = try EmbeddedFacts(
      Array(model.records.prefix(5)), EmbeddingRoute(states: StateChoice(layers: [0, 2]), bySubject: false),
      center: nil,
      states: states, layerCount: 4)
    for index in found.indices {
      #expect(relativeError(found[index], Array(Matrix<Float>(wanted).row(index))) < 1e-5)
      #expect(relativeError(facts.embeddings[index], Array(Matrix<Float>(embeddings).row(index))) < 1e-4)
    }
    // The same bits alone, among others and with other threads.
    let alone = PromptStates(network: model.network.alone, encoder: model.encoder)
    #expect(try alone.state(of: prompts(model)[3], StateChoice(layers: [0, 2])) == found[3])
  }

  @Test func `the cosine is found between what is to speak and what is not`() {
    #expect(EmbeddedFacts.threshold([0.8, 0.9, 0.7], [0.1, 0.5]) == 0.6)
    // One that finds another fact is lost anyway; the widest gap among equals.
    #expect(EmbeddedFacts.threshold([-2, 0.9], [0.2, -0.5]) == 0.55)
    #expect(EmbeddedFacts.threshold([], [0.2]) == nil && EmbeddedFacts.threshold([0.2], []) == nil)
  }

  @Test func `a fact speaks where the model makes the question alike, and the subject stands in it`() throws {
    let model = try FixtureModel("tiny-llama")
    let folder = try TemporaryFolder()
    let records = Array(model.records.prefix(12))
    let language = LanguageModel(network: model.network, tokenizer: model.tokenizer)
    var edit = MemoryEdit(.ike, of: records, for: language)
    edit.embedding = EmbeddingRoute(
      states: StateChoice(layers: [0, 2]), similarity: 0.999, bySubject: false)
    let report = try edit.write(to: folder.path("all"), tool: "test")
    #expect(report.unreached.isEmpty && report.factCount == 12)
    #expect(report.patch.memory?.isBound == true && report.patch.memory?.base.model != nil)
    let patched = try language.applying([report.patch])
    let (own, other) = (records[4].fact, records[5].fact)
    let recall = try #require(try patched.recall("It rains. " + own.filledPrompt))
    #expect(recall.fact == own && recall.score > 0.999)
    #expect(try patched.recall(own.filledPrompt + " indeed, as they say in town") == nil)
    // With the subject: the cosine may be low, but nobody else's prompt finds the fact.
    edit.embedding = EmbeddingRoute(
      states: StateChoice(layers: [0], ends: [2]), similarity: -1, bySubject: true)
    let bySubject = try language.applying([edit.write(to: folder.path("subject"), tool: "test").patch])
    #expect(try bySubject.recall("Whatever \(own.subject) does")?.fact.subject == own.subject)
    #expect(try bySubject.recall("Whatever Nobody Atall does") == nil)
    // Facts that join have the center and the numbers of those that are there.
    var more = MemoryEdit(.ike, of: [FactRecord(other)], for: language)
    more.embedding = EmbeddingRoute(bySubject: false)
    more.earlier = report.patch
    more.dropped = [own.identifier]
    let joined = try more.write(to: folder.path("more"), tool: "test").patch
    #expect(joined.memory?.parts.count == 1 && joined.memory?.factCount == 11)
    #expect(joined.memory?.parts[0].route == report.patch.memory?.parts[0].route)
  }

  @Test func `a memory that is bound is refused by another model`() throws {
    let (llama, gpt) = (try FixtureModel("tiny-llama"), try FixtureModel("tiny-gpt2"))
    let folder = try TemporaryFolder()
    var edit = MemoryEdit(
      .ike, of: Array(llama.records.prefix(2)),
      for: LanguageModel(network: llama.network, tokenizer: llama.tokenizer))
    edit.embedding = EmbeddingRoute(bySubject: false)
    let patch = try edit.write(to: folder.path("m"), tool: "test").patch
    #expect(throws: EditError.self) {
      try LanguageModel(network: gpt.network, tokenizer: gpt.tokenizer).applying([patch])
    }
  }
}
