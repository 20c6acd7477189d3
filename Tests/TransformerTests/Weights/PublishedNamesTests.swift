import ModelFiles
import TestSupport
import Testing
import Transformer

/// Models are published under names that trainers and wrappers leave behind; what they compute is the same.
@Suite struct PublishedNamesTests {
  private func logits(_ model: ModelFile, _ prompt: [Int32]) throws -> [Float] {
    let network = try Network(model, threads: 1)
    let run = try network.run([TokenSequence(prompt)])
    return network.logits(of: run, rows: Array(0..<prompt.count)).rows.matrix().elements
  }

  static let forms: [(String, @Sendable (String) -> String)] = [
    ("bare", { $0.hasPrefix("lm_head") ? $0 : String($0.drop { $0 != "." }.dropFirst()) }),
    ("compiled", { "_orig_mod." + $0 }), ("parallel", { "module." + $0 }),
    ("both", { "module._orig_mod." + $0 }), ("nested", { "language_model." + $0 }),
    ("adapted", { "base_model.model." + $0 }),
    (
      "nested as transformers 5 saves",
      { $0.hasPrefix("lm_head") ? $0 : "model.language_model." + $0.drop { $0 != "." }.dropFirst() }
    ),
  ]

  @Test(arguments: ["llama2", "llama3", "qwen2", "gptj", "mistral"], forms.map(\.0))
  func `a model under other names is the same`(name: String, form: String) throws {
    let reference = try FamilyReference(name)
    let rename = try #require(Self.forms.first { $0.0 == form }?.1)
    let remade = try RemadeModel(name, renaming: rename)
    #expect(
      try logits(remade.model, reference.prompt(0))
        == logits(reference.network().model, reference.prompt(0)))
  }

  @Test func `so is the language model of a larger one`() throws {
    let reference = try FamilyReference("llama2")
    let remade = try RemadeModel("llama2", wrapping: "seer") { "language_model." + $0 }
    #expect(remade.model.modelType == "llama")
    #expect(
      try logits(remade.model, reference.prompt(0)) == logits(reference.network().model, reference.prompt(0)))
  }

  @Test func `GPT-NeoX and OPT files may lack the first part, too`() throws {
    for (name, prefix) in [("gpt_neox", "gpt_neox."), ("opt", "model.")] {
      let reference = try FamilyReference(name)
      let remade = try RemadeModel(name) { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
      #expect(
        try logits(remade.model, reference.prompt(0))
          == logits(reference.network().model, reference.prompt(0)))
    }
  }

  @Test func `under names that nobody knows, the nearest are told`() throws {
    let remade = try RemadeModel("llama2") { "student." + $0 }
    let names = ["model.embed_tokens.weight", "embed_tokens.weight"]
    #expect(
      throws: NetworkError.missingWeight(names: names, near: ["student.model.embed_tokens.weight"])
    ) { try Network(remade.model, threads: 1) }
    let missing = "model.layers.1.mlp.up_proj.weight"
    let part = try RemadeModel("llama2", without: [missing])
    #expect(
      throws: NetworkError.missingWeight(
        names: [missing, "layers.1.mlp.up_proj.weight"],
        near: ["model.layers.0.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight"])
    ) { try Network(part.model, threads: 1) }
  }
}
