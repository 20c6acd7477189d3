import ModelFiles
import TestSupport
import Testing

/// A setting that a family does not know must have the value that changes nothing.
@Suite struct UnaskedSettingsTests {
  static let changing: [(String, String, JSONValue)] = [
    ("llama", "partial_rotary_factor", .number(0.5)), ("llama", "use_qk_norm", true),
    ("llama", "residual_multiplier", .number(0.22)), ("llama", "embedding_multiplier", 12),
    ("llama", "logits_scaling", 16), ("llama", "attention_multiplier", .number(0.0078125)),
    ("llama", "final_logit_softcapping", .number(30)), ("llama", "attn_logit_softcapping", 50),
    ("llama", "query_pre_attn_scalar", 256), ("llama", "no_rope_layers", [1, 1, 0]),
    ("llama", "no_rope_layer_interval", 4), ("llama", "clip_qkv", 8), ("llama", "alibi", true),
    ("llama", "hidden_activation", "gelu_pytorch_tanh"), ("llama", "num_nextn_predict_layers", 1),
    ("llama", "layer_types", ["full_attention", "linear_attention", "full_attention"]),
    ("llama", "use_parallel_residual", true), ("llama", "qkv_bias", true),
    ("mistral", "layer_types", ["full_attention", "sliding_attention", "full_attention"]),
    ("mistral", "position_embedding_type", "nope"), ("qwen2", "mlp_bias", true),
    ("qwen2", "qk_layernorm", true), ("qwen2", "logit_scale", .number(0.0625)),
    ("qwen2", "rope_local_base_freq", 10_000), ("gpt2", "head_dim", 8), ("gpt2", "alibi", true),
    ("gptj", "num_key_value_heads", 1), ("gptj", "rotary_pct", .number(0.25)),
    ("gpt_neox", "head_dim", 7), ("gpt_neox", "logit_scale", 2), ("opt", "sliding_window", 4),
    ("opt", "embedding_multiplier", 2), ("opt", "attention_bias", true),
  ]

  @Test(arguments: changing)
  func `one that would change the network is named`(type: String, key: String, value: JSONValue) throws {
    let error = #expect(throws: ConfigurationError.self) { try MadeConfiguration.read(type, [(key, value)]) }
    guard case .unsupported(let setting, _) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(setting == key)
  }

  static let neutral: [(String, String, JSONValue)] = [
    ("llama", "partial_rotary_factor", .number(1)), ("llama", "partial_rotary_factor", .null),
    ("llama", "use_qk_norm", false), ("llama", "residual_multiplier", 1), ("llama", "clip_qkv", .null),
    ("llama", "final_logit_softcapping", .null),
    ("llama", "attention_multiplier", .number(0.7071067811865476)),
    ("llama", "query_pre_attn_scalar", 2), ("llama", "layer_types", ["full_attention", "full_attention"]),
    ("llama", "no_rope_layers", [1, 1, 1]), ("llama", "sliding_window", 4096), ("llama", "alibi", false),
    ("llama", "position_embedding_type", "rope"), ("llama", "hidden_activation", "silu"),
    ("llama", "num_experts", 1), ("llama", "num_experts", 0), ("gpt2", "head_dim", 6),
    ("gpt2", "num_key_value_heads", 2), ("qwen2", "attention_bias", true), ("qwen2", "qkv_bias", false),
    ("llama", "attention_dropout", .number(0.5)), ("llama", "a_setting_of_tomorrow", 3),
  ]

  @Test(arguments: neutral)
  func `one that changes nothing is passed over`(type: String, key: String, value: JSONValue) throws {
    _ = try MadeConfiguration.read(type, [(key, value)])
  }

  @Test func `rotary settings are looked through, too`() throws {
    let partial: JSONValue = ["rope_type": "default", "partial_rotary_factor": .number(0.5)]
    let perKind: JSONValue = [
      "full_attention": ["rope_type": "default", "rope_theta": 10_000],
      "sliding_attention": ["rope_type": "default", "rope_theta": 10],
    ]
    for (object, setting, value) in [
      ("rope_parameters", "rope_parameters.partial_rotary_factor", partial),
      ("rope_scaling", "rope_scaling.partial_rotary_factor", partial),
      ("rope_parameters", "rope_parameters.full_attention", perKind),
      ("rope_parameters", "rope_parameters.llama_4_scaling_beta", ["llama_4_scaling_beta": .number(0.1)]),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        try MadeConfiguration.read("llama", [(object, value)])
      }
      guard case .unsupported(let found, _) = error else {
        Issue.record("refused as \(String(describing: error))")
        continue
      }
      #expect(found == setting)
    }
    let neox = try MadeConfiguration.read("gpt_neox", [("rotary_pct", nil), ("rope_parameters", partial)])
    #expect(neox.positions == (try MadeConfiguration.read("gpt_neox")).positions)
  }

  @Test(arguments: [
    ("llama", "num_local_experts", 8), ("qwen2", "num_experts", 60), ("mistral", "num_local_experts", 8),
    ("deepseek_v3", "n_routed_experts", 256),
  ])
  func `a mixture of experts is named, whatever its family`(type: String, key: String, count: Int) throws {
    #expect(throws: ConfigurationError.mixtureOfExperts(.init(setting: key, count: count))) {
      try MadeConfiguration.read(type, [(key, .integer(count))])
    }
  }

  @Test func `the language model of a larger one is read`() throws {
    let text = JSONValue.object(
      [.init("model_type", "llama"), .init("vocab_size", 61)]
        + MadeConfiguration.smallest["llama"]!.map { .init($0.0, $0.1) })
    let c = try MadeConfiguration.read(["model_type": "seer", "text_config": text, "hidden_size": 7])
    #expect(c.family.name == "llama" && c.width == 12)
    #expect(throws: ConfigurationError.unknownFamily("seer")) {
      try MadeConfiguration.read(["model_type": "seer", "text_config": ["model_type": "reader"]])
    }
  }
}
