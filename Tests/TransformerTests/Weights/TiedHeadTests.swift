import ModelFiles
import TestSupport
import Testing
import Transformer

/// Whether head and embedding are one is told by the tensors, not by the flag alone.
@Suite struct TiedHeadTests {
  private func matches(_ remade: RemadeModel, _ name: String) throws -> Bool {
    let reference = try FamilyReference(name)
    let network = try Network(remade.model, threads: 1)
    let prompt = try reference.prompt(0)
    let run = try network.run([TokenSequence(prompt)])
    let logits = network.logits(of: run, rows: Array(0..<prompt.count)).rows.matrix().elements
    return relativeError(logits, try reference.floats("0.logits")) < ForwardTests.tolerance
  }

  @Test(arguments: [("llama2", "lm_head"), ("gptj", "lm_head"), ("gpt_neox", "embed_out")])
  func `a head of its own is used, whatever the flag says`(name: String, head: String) throws {
    let remade = try RemadeModel(name, settings: [("tie_word_embeddings", true)])
    #expect(try !NetworkConfiguration(of: remade.model).isTied)
    #expect(try matches(remade, name))
  }

  @Test(arguments: [
    ("qwen2", "model.embed_tokens.weight"), ("gpt2", "transformer.wte.weight"),
    ("opt", "model.decoder.embed_tokens.weight"),
  ])
  func `a head that is the embedding is tied, and one that differs is not`(name: String, tensor: String)
    throws
  {
    let same = try RemadeModel(
      name, adding: [RemadeModel.copy(of: tensor, in: name, as: "lm_head.weight")])
    #expect(try NetworkConfiguration(of: same.model).isTied)
    #expect(try matches(same, name))
    let other = try RemadeModel(
      name, adding: [RemadeModel.copy(of: tensor, in: name, as: "lm_head.weight", changing: 0x40)])
    #expect(try !NetworkConfiguration(of: other.model).isTied)
    #expect(try !matches(other, name))
    // Without the flag a stored head is the head, equal or not.
    let untied = try RemadeModel(
      name, settings: [("tie_word_embeddings", false)],
      adding: [RemadeModel.copy(of: tensor, in: name, as: "lm_head.weight")])
    #expect(try !NetworkConfiguration(of: untied.model).isTied)
    #expect(try matches(untied, name))
  }

  @Test func `no head and two embeddings is a contradiction that is told`() throws {
    for flag in [JSONValue?.none, false] {
      let remade = try RemadeModel("llama3", settings: [("tie_word_embeddings", flag)])
      #expect(throws: NetworkError.missingHead(names: ["lm_head.weight"], near: [])) {
        try Network(remade.model, threads: 1)
      }
    }
  }
}
