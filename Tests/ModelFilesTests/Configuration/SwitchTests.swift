import ModelFiles
import TestSupport
import Testing

/// What sets other families apart from Llama, in a file that calls itself Llama: each is refused by name, or has the value that changes
/// nothing and is passed over; none is read past.
@Suite struct SwitchTests {
  /// Settings of `config.json`: a value that changes the network, and one that does not.
  static let json: [(key: String, changing: JSONValue, neutral: JSONValue)] = [
    ("use_qk_norm", true, false), ("qk_layernorm", true, false), ("attn_output_gate", true, false),
    ("embedding_multiplier", 12, 1), ("residual_multiplier", .number(0.22), 1), ("logits_scaling", 8, 1),
    ("logit_scale", .number(0.0625), 1), ("attention_multiplier", .number(0.015625), .number(0.70710678)),
    ("query_pre_attn_scalar", 256, 2), ("attn_logit_softcapping", 50, .null),
    ("final_logit_softcapping", 30, .null),
    ("sliding_window", 5, .null),
    ("layer_types", ["full_attention", "sliding_attention", "full_attention"], .null),
    ("sliding_window_pattern", 6, .null), ("rope_local_base_freq", 10_000, .null),
    ("no_rope_layers", [1, 0, 1], [1, 1, 1]),
    ("no_rope_layer_interval", 4, .null), ("partial_rotary_factor", .number(0.5), 1),
    ("use_qkv_bias", true, false),
    ("hidden_activation", "gelu_pytorch_tanh", "silu"), ("clip_qkv", 8, .null), ("alibi", true, false),
    ("num_kv_shared_layers", 20, 0), ("hidden_size_per_layer_input", 256, 0), ("use_sinks", true, false),
    ("attention_chunk_size", 8192, .null), ("global_head_dim", 512, .null),
    ("use_bidirectional_attention", true, false),
    ("qkv_bias", true, false), ("lm_head_bias", true, false), ("num_nextn_predict_layers", 1, 0),
    ("use_parallel_residual", true, false), ("parallel_attn", true, false), ("kv_lora_rank", 512, .null),
  ]

  @Test(arguments: json.map(\.key))
  func `a setting of config.json`(key: String) throws {
    let row = try #require(Self.json.first { $0.key == key })
    let error = #expect(throws: ConfigurationError.self) {
      try MadeConfiguration.read("llama", [(key, row.changing)])
    }
    guard case .unsupported(key, _) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    let plain = try MadeConfiguration.read("llama")
    #expect(try MadeConfiguration.read("llama", [(key, row.neutral)]) == plain)
  }

  @Test func `settings of rotary positions`() throws {
    func read(_ scaling: JSONValue) throws -> NetworkConfiguration {
      try MadeConfiguration.read("llama", [("rope_parameters", scaling)])
    }
    let refused: [(JSONValue, String)] = [
      (["rope_type": "dynamic", "factor": 2], "rope_scaling.rope_type"),
      (["rope_type": "proportional"], "rope_scaling.rope_type"),
      (["llama_4_scaling_beta": .number(0.1)], "rope_parameters.llama_4_scaling_beta"),
      (["partial_rotary_factor": .number(0.25)], "rope_parameters.partial_rotary_factor"),
      (["sliding_attention": ["rope_theta": 10]], "rope_parameters.sliding_attention"),
    ]
    for (scaling, key) in refused {
      let error = #expect(throws: ConfigurationError.self) { try read(scaling) }
      guard case .unsupported(key, _) = error else {
        Issue.record("\(key): refused as \(String(describing: error))")
        continue
      }
    }
    // The others are run.
    for scaling: JSONValue in [
      ["rope_type": "linear", "factor": 2], ["rope_type": "yarn", "factor": 2],
      ["type": "longrope", "short_factor": [2], "long_factor": [3], "original_max_position_embeddings": 8],
      [
        "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
        "original_max_position_embeddings": 8,
      ],
    ] { #expect(try read(scaling) != MadeConfiguration.read("llama")) }
    #expect(throws: ConfigurationError.self) {
      try read(["type": "longrope", "short_factor": [2, 2], "long_factor": [3, 3]])
    }
    #expect(throws: ConfigurationError.self) { try read(["rope_type": "yarn", "factor": 0]) }
  }

  /// Keys of GGUF metadata, after the architecture, with a value that changes the network.
  static let metadata: [(key: String, value: GGUFValue)] = [
    ("embedding_scale", .float32(12)), ("residual_scale", .float32(0.22)), ("logit_scale", .float32(8)),
    ("attention.scale", .float32(0.25)), ("attn_logit_softcapping", .float32(50)),
    ("final_logit_softcapping", .float32(30)), ("attention.sliding_window_pattern", .uint32(6)),
    ("rope.freq_base_swa", .float32(10_000)), ("attention.temperature_scale", .float32(0.1)),
    ("attention.clamp_kqv", .float32(8)), ("attention.max_alibi_bias", .float32(8)),
    ("attention.shared_kv_layers", .uint32(20)), ("embedding_length_per_layer_input", .uint32(256)),
    ("attention.key_length_swa", .uint32(7)), ("rope.dimension_count_swa", .uint32(7)),
    ("use_parallel_residual", .bool(true)), ("nextn_predict_layers", .uint32(1)),
    ("rope.scaling.yarn_ext_factor", .float32(0.5)), ("attention.kv_lora_rank", .uint32(512)),
    ("full_attention_interval", .uint32(4)), ("rope.scaling.type", .string("dynamic")),
  ]

  @Test(arguments: metadata.map(\.key))
  func `a key of GGUF metadata`(key: String) throws {
    let row = try #require(Self.metadata.first { $0.key == key })
    let error = #expect(throws: ConfigurationError.self) {
      try MadeConfiguration.readGGUF([(key, row.value)])
    }
    guard case .unsupported("llama." + key, _) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
  }

  /// Tensors of blocks that Llama has not.
  @Test(arguments: [
    "attn_q_norm.weight", "attn_k_norm.weight", "post_attention_norm.weight", "post_ffw_norm.weight",
    "attn_qkv.weight", "attn_sinks.weight", "attn_gate.weight", "layer_output_scale.weight",
    "attn_norm_2.weight",
    "ffn_gate_inp.weight", "ffn_down_exps.weight", "ffn_down_shexp.weight", "inp_gate.weight",
    "ffn_down.scale",
    "attn_kv_b.weight", "ssm_conv1d.weight", "attn_norm.bias",
  ])
  func `a tensor of a block`(name: String) throws {
    let tensors = ["token_embd.weight", "blk.1." + name].map {
      NewTensor(
        name: $0, elementType: .f32, shape: [61, 12], elements: [Float](repeating: 0, count: 732))
    }
    #expect(throws: ConfigurationError.unknownTensor("blk.1." + name, family: "llama")) {
      try MadeConfiguration.readGGUF(tensors: tensors)
    }
  }
}
