import TestSupport
import Testing

@testable import ModelFiles

@Suite struct ConfigurationTests {
  /// The same turning in the three layers of all the configurations here.
  private func turning(_ rotary: Rotary) -> NetworkConfiguration.Positions {
    .rotary([rotary, rotary, rotary])
  }

  @Test func `gpt2`() throws {
    let c = try MadeConfiguration.read("gpt2")
    #expect(c.family.name == "gpt2" && c.layerCount == 3 && c.width == 12 && c.feedForwardWidth == 48)
    #expect(c.headCount == 2 && c.keyValueHeadCount == 2 && c.headWidth == 6 && c.vocabularySize == 61)
    #expect(c.positionCount == 17 && c.positions == .learned(offset: 0) && c.isTied)
    #expect(c.activation == .geluTanh && c.block == .sequential && c.norm == .layer && !c.isGated)
    #expect(try MadeConfiguration.read("gpt2", [("n_inner", 40)]).feedForwardWidth == 40)
    #expect(try MadeConfiguration.read("gpt2", [("n_inner", .null)]).feedForwardWidth == 48)
    // Newer names of the same settings.
    let newer = try MadeConfiguration.read(
      "gpt2", [("n_layer", nil), ("num_hidden_layers", 5), ("n_embd", nil), ("hidden_size", 16)])
    #expect(newer.layerCount == 5 && newer.width == 16)
  }

  @Test func `gptj`() throws {
    let c = try MadeConfiguration.read("gptj")
    #expect(c.positions == turning(Rotary(dimensions: 4, base: 10_000, isInterleaved: true)))
    #expect(c.block == .parallelSharedNorm && !c.isTied && c.activation == .geluTanh)
    // As transformers: 64, which narrower heads cannot have.
    #expect(
      try MadeConfiguration.read("gptj", [("rotary_dim", nil), ("n_embd", 256)]).positions
        == turning(Rotary(dimensions: 64, base: 10_000, isInterleaved: true)))
    #expect(throws: ConfigurationError.self) { try MadeConfiguration.read("gptj", [("rotary_dim", nil)]) }
  }

  @Test func `gpt_neox`() throws {
    let c = try MadeConfiguration.read("gpt_neox")
    #expect(c.positions == turning(Rotary(dimensions: 6, base: 10_000, isInterleaved: false)))
    #expect(c.block == .parallel && c.activation == .gelu && !c.isTied)
    #expect(try MadeConfiguration.read("gpt_neox", [("use_parallel_residual", false)]).block == .sequential)
  }

  @Test func `opt`() throws {
    let c = try MadeConfiguration.read("opt")
    #expect(c.positions == .learned(offset: 2) && c.activation == .relu && c.isTied)
    #expect(c.block == .sequential && c.norm == .layer)
  }

  @Test(arguments: ["llama", "mistral", "qwen2"]) func `llama and its kin`(type: String) throws {
    let c = try MadeConfiguration.read(type, [("rope_theta", 500), ("rms_norm_eps", .number(0.25))])
    #expect(c.family.name == (type == "qwen2" ? "qwen2" : "llama"))
    #expect(c.positions == turning(Rotary(dimensions: 2, base: 500, isInterleaved: false)))
    #expect(c.headCount == 6 && c.keyValueHeadCount == 2 && c.headWidth == 2 && c.normEpsilon == 0.25)
    #expect(c.isGated && c.norm == .rms() && !c.isTied && c.activation == .silu)
    #expect(try MadeConfiguration.read(type, [("head_dim", 4)]).headWidth == 4)
    #expect(try MadeConfiguration.read(type, [("num_key_value_heads", nil)]).keyValueHeadCount == 6)
    #expect(try MadeConfiguration.read(type, [("tie_word_embeddings", true)]).isTied)
  }

  @Test func `qwen3`() throws {
    let c = try MadeConfiguration.read(
      "qwen3", [("use_sliding_window", true), ("sliding_window", 5), ("max_window_layers", 2)])
    #expect(c.family.name == "qwen3" && c.headNorms == .each && c.isGated && c.norm == .rms())
    #expect(c.headWidth == 128 && c.keyValueHeadCount == 2 && c.windows == [nil, nil, 5])
    #expect(c.biases[.query] == false && c.biases[.down] == false)
    #expect(
      try MadeConfiguration.read("qwen3", [("head_dim", 10), ("attention_bias", true)]).biases[.query] == true
    )
    let gguf = try MadeConfiguration.readGGUF(
      [("attention.key_length", .uint32(10)), ("attention.value_length", .uint32(10))], architecture: "qwen3")
    #expect(gguf.headWidth == 10 && gguf.headNorms == .each)
    #expect(gguf.positions == turning(Rotary(dimensions: 10, base: 10_000, isInterleaved: false)))
  }

  @Test func `windows are those of the layers that have one`() throws {
    func windows(_ type: String, _ changes: [(String, JSONValue?)]) throws -> [Int?] {
      try MadeConfiguration.read(type, changes).windows
    }
    #expect(try windows("mistral", [("sliding_window", 5)]) == [5, 5, 5])
    #expect(try windows("mistral", [("sliding_window", .null)]) == [nil, nil, nil])
    // Llama has no windows: one that reaches over all positions is none, another would be left out.
    #expect(try windows("llama", [("sliding_window", 17)]) == [nil, nil, nil])
    #expect(throws: ConfigurationError.unsupported(setting: "sliding_window", value: "5")) {
      try windows("llama", [("sliding_window", 5)])
    }
    #expect(try windows("qwen2", [("sliding_window", 5)]) == [nil, nil, nil])
    let on: [(String, JSONValue?)] = [("sliding_window", 5), ("use_sliding_window", true)]
    #expect(try windows("qwen2", on + [("max_window_layers", 1)]) == [nil, 5, 5])
    let kinds: JSONValue = ["full_attention", "sliding_attention", "full_attention"]
    #expect(try windows("qwen2", on + [("layer_types", kinds)]) == [nil, 5, nil])
  }

  @Test func `scaled rotary positions, in the old place and the new`() throws {
    let llama3: JSONValue = [
      "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
      "original_max_position_embeddings": 64,
    ]
    var wanted = Rotary(dimensions: 2, base: 10_000, isInterleaved: false)
    wanted.scaling = .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalPositions: 64)
    for key in ["rope_scaling", "rope_parameters"] {
      #expect(try MadeConfiguration.read("llama", [(key, llama3)]).positions == turning(wanted))
    }
    wanted.scaling = .linear(factor: 2.5)
    wanted.base = 77
    let linear: JSONValue = ["type": "linear", "factor": .number(2.5), "rope_theta": 77]
    #expect(try MadeConfiguration.read("llama", [("rope_scaling", linear)]).positions == turning(wanted))
    wanted.scaling = .none
    wanted.base = 10_000
    #expect(
      try MadeConfiguration.read("llama", [("rope_scaling", .null)]).positions == turning(wanted))
  }

  @Test func `GGUF metadata`() throws {
    let c = try MadeConfiguration.readGGUF([
      ("rope.freq_base", .float32(500)), ("rope.scaling.type", .string("linear")),
      ("rope.scaling.factor", .float32(2)), ("attention.sliding_window", .uint32(5)),
    ])
    var rotary = Rotary(dimensions: 2, base: 500, isInterleaved: true)
    rotary.scaling = .linear(factor: 2)
    #expect(c.positions == turning(rotary) && c.windows == [5, 5, 5])
    #expect(c.layerCount == 3 && c.width == 12 && c.feedForwardWidth == 40 && c.vocabularySize == 61)
    #expect(c.headCount == 6 && c.keyValueHeadCount == 2 && c.headWidth == 2 && c.isTied)
    let qwen2 = try MadeConfiguration.readGGUF(architecture: "qwen2")
    #expect(qwen2.positions == turning(Rotary(dimensions: 2, base: 10_000, isInterleaved: false)))
  }
}
