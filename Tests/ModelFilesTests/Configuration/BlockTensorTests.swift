import ModelFiles
import TestSupport
import Testing

/// Every tensor of a block has its place, or the model is refused: it would be another network without a word.
@Suite struct BlockTensorTests {
  /// Reads the configuration of a family's tiny model, in a folder with some more tensors.
  private func read(
    _ name: String, with extra: [String], settings: [(String, JSONValue)] = []
  ) throws -> NetworkConfiguration {
    let folder = try TemporaryFolder()
    let base = PackageFiles.path("Fixtures/models/families/\(name)")
    var members = try #require(try JSONValue(readingFile: base + "/config.json").members)
    for (key, value) in settings {
      members.removeAll { $0.key == key }
      members.append(.init(key, value))
    }
    try folder.write(Array(JSONValue.object(members).compactText.utf8), to: "config.json")
    let tensors = try ModelFile(base).tensors.map {
      NewTensor(
        name: $0.name, elementType: .f32, shape: $0.shape,
        elements: [Float](repeating: 1, count: $0.elementCount))
    }
    let more = extra.map { NewTensor(name: $0, elementType: .f32, shape: [1], elements: [Float(1)]) }
    try SafetensorsWriter.write(tensors + more, to: folder.path("model.safetensors"))
    return try NetworkConfiguration(of: ModelFile(folder.path))
  }

  @Test(arguments: [
    ("llama2", "model.layers.1.self_attn.q_norm.weight"),
    ("llama2", "model.layers.0.mlp.down_proj.weight_scale"),
    ("llama2", "model.layers.2.post_feedforward_layernorm.weight"), ("llama2", "layers.1.self_attn.sinks"),
    ("llama2", "model.layers.1.input_layernorm.bias"),
    ("llama2", "model.layers.1.self_attn.q_proj.lora_A.weight"),
    ("gpt2", "transformer.h.0.crossattention.c_attn.weight"), ("gpt2", "h.2.attn.c_attn.scale"),
    ("gptj", "transformer.h.1.ln_2.weight"), ("gpt_neox", "gpt_neox.layers.0.attention.sinks.weight"),
    ("opt", "model.decoder.layers.0.gate.weight"),
    ("qwen2", "model.layers.0.mlp.shared_expert.up_proj.weight"),
  ])
  func `a tensor without a place is named`(model: String, tensor: String) throws {
    let family = try #require(try ModelFile(PackageFiles.path("Fixtures/models/families/\(model)")).modelType)
    #expect(throws: ConfigurationError.unknownTensor(tensor, family: family)) {
      try read(model, with: [tensor])
    }
  }

  @Test(arguments: [
    ("gpt2", "transformer.h.0.attn.bias"), ("gpt2", "h.1.attn.masked_bias"),
    ("gptj", "transformer.h.0.attn.bias"),
    ("gpt_neox", "gpt_neox.layers.1.attention.rotary_emb.inv_freq"),
    ("llama2", "model.layers.0.self_attn.rotary_emb.inv_freq"),
    ("llama2", "vision_tower.layers.0.mlp.weight"),
    ("llama2", "score.weight"), ("llama3", "model.rotary_emb.inv_freq"),
  ])
  func `masks, angles and other parts are passed over`(model: String, tensor: String) throws {
    _ = try read(model, with: [tensor])
  }

  @Test func `biases are where the configuration says`() throws {
    let bias = "model.layers.1.self_attn.o_proj.bias"
    #expect(throws: ConfigurationError.unexpectedBias(bias)) { try read("llama2", with: [bias]) }
    #expect(throws: ConfigurationError.unexpectedBias(bias)) { try read("qwen2", with: [bias]) }
    #expect(throws: ConfigurationError.unexpectedBias("gpt_neox.layers.0.attention.dense.bias")) {
      try read("gpt_neox", with: [], settings: [("attention_bias", false)])
    }
    #expect(try read("gpt_neox", with: []).biases[.attentionOutput] == true)
    #expect(try read("llama2", with: [bias], settings: [("attention_bias", true)]).biases[.query] == true)
  }

  @Test func `a place has one tensor, and lies in the network`() throws {
    #expect(
      throws: ConfigurationError.twoTensors(
        "layers.1.mlp.up_proj.weight", "model.layers.1.mlp.up_proj.weight")
    ) { try read("llama2", with: ["layers.1.mlp.up_proj.weight"]) }
    #expect(throws: ConfigurationError.self) {
      try read("llama2", with: ["_orig_mod.model.layers.1.mlp.up_proj.weight"])
    }
    let beyond = "model.layers.3.mlp.up_proj.weight"
    #expect(throws: ConfigurationError.tensorBeyondLayers(beyond, layerCount: 3)) {
      try read("llama2", with: [beyond])
    }
  }

  @Test(arguments: [
    "blk.0.ffn_down.scale", "blk.2.attn_q_norm.weight", "blk.1.ffn_gate_inp.weight",
    "blk.2.attn_sinks.weight", "blk.0.post_ffw_norm.weight", "output_norm.bias",
  ])
  func `every tensor of a GGUF file belongs to the network`(tensor: String) throws {
    let embedding = NewTensor(
      name: "token_embd.weight", elementType: .f32, shape: [61, 12],
      elements: [Float](repeating: 0, count: 732))
    let extra = NewTensor(name: tensor, elementType: .f32, shape: [1], elements: [Float(1)])
    #expect(throws: ConfigurationError.unknownTensor(tensor, family: "llama")) {
      try MadeConfiguration.readGGUF(tensors: [embedding, extra])
    }
  }

  @Test(arguments: ["llama2", "llama3", "gpt2", "gpt_neox", "qwen2"])
  func `files that other programs write have no other tensors`(name: String) throws {
    for ending in ["", ".gguf"] {
      _ = try NetworkConfiguration(
        of: ModelFile(PackageFiles.path("Fixtures/models/families/\(name)\(ending)")))
    }
  }
}
