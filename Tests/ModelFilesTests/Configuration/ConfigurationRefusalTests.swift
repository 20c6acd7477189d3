import ModelFiles
import TestSupport
import Testing

/// What a network cannot do is refused by name, never run wrongly.
@Suite struct ConfigurationRefusalTests {
  /// A setting with a value that this version does not do.
  struct Unsupported: Sendable, CustomTestStringConvertible {
    let type: String
    let key: String
    let value: JSONValue
    /// How the error names setting and value.
    var setting: String?
    let shown: String

    var testDescription: String { "\(type): \(key) \(value.compactText)" }
  }

  static let unsupported: [Unsupported] = [
    .init(type: "gpt2", key: "scale_attn_by_inverse_layer_idx", value: true, shown: "true"),
    .init(type: "gpt2", key: "scale_attn_weights", value: false, shown: "false"),
    .init(type: "gpt2", key: "activation_function", value: "tanh", shown: "tanh"),
    .init(type: "gptj", key: "activation_function", value: "quick_gelu", shown: "quick_gelu"),
    .init(type: "gpt_neox", key: "hidden_act", value: "gelu_10", shown: "gelu_10"),
    .init(type: "opt", key: "do_layer_norm_before", value: false, shown: "false"),
    .init(type: "opt", key: "_remove_final_layer_norm", value: true, shown: "true"),
    .init(type: "opt", key: "layer_norm_elementwise_affine", value: false, shown: "false"),
    .init(type: "opt", key: "word_embed_proj_dim", value: 7, shown: "7"),
    .init(type: "llama", key: "hidden_act", value: "quick_gelu", shown: "quick_gelu"),
    .init(type: "mistral", key: "hidden_act", value: "mish", shown: "mish"),
    .init(
      type: "llama", key: "rope_scaling", value: ["rope_type": "proportional", "factor": 4],
      setting: "rope_scaling.rope_type", shown: "proportional"),
    .init(
      type: "qwen3", key: "rope_scaling", value: ["type": "dynamic", "factor": 4],
      setting: "rope_scaling.rope_type", shown: "dynamic"),
    .init(type: "gemma2", key: "use_bidirectional_attention", value: true, shown: "true"),
    .init(type: "falcon", key: "alibi", value: true, shown: "true"),
    .init(type: "falcon", key: "parallel_attn", value: false, shown: "false"),
    .init(type: "gpt_bigcode", key: "multi_query", value: false, shown: "false"),
    .init(type: "phi", key: "qk_layernorm", value: true, shown: "true"),
    .init(type: "stablelm", key: "qk_layernorm", value: true, shown: "true"),
    .init(
      type: "qwen2", key: "rope_parameters", value: ["rope_type": "dynamic", "factor": 4],
      setting: "rope_scaling.rope_type", shown: "dynamic"),
    .init(
      type: "gpt_neox", key: "rope_scaling", value: ["type": "su"], setting: "rope_scaling.rope_type",
      shown: "su"),
  ]

  @Test(arguments: unsupported) func `a setting that is not supported is named`(setting: Unsupported) throws {
    #expect(
      throws: ConfigurationError.unsupported(setting: setting.setting ?? setting.key, value: setting.shown)
    ) {
      try MadeConfiguration.read(setting.type, [(setting.key, setting.value)])
    }
  }

  @Test(arguments: MadeConfiguration.smallest.keys.sorted())
  func `every setting without a default is missed by name`(type: String) throws {
    _ = try MadeConfiguration.read(type)
    // Those that have one: GPT-J's rotary width, GPT-NeoX's share, heads of keys, and positions that are only a hint.
    let optional: Set = ["rotary_dim", "rotary_pct", "num_key_value_heads", "head_dim", "rope_parameters"]
    let isHint = !["gpt2", "gptj", "gpt_neox", "opt", "gpt_bigcode"].contains(type)
    // Files of the larger Gemma 3 say little of their language model.
    if type == "gemma3_text" { return }
    for (key, _) in MadeConfiguration.smallest[type]! + [("vocab_size", 61)] {
      if optional.contains(key) || isHint && key == "max_position_embeddings" { continue }
      #expect(throws: ConfigurationError.missingSetting(key)) {
        try MadeConfiguration.read(type, [(key, nil)])
      }
      #expect(throws: ConfigurationError.missingSetting(key)) {
        try MadeConfiguration.read(type, [(key, .null)])
      }
      #expect(
        throws: ConfigurationError.badSetting(key, found: #""3""#, expected: "a whole number")
      ) { try MadeConfiguration.read(type, [(key, "3")]) }
    }
  }

  @Test(arguments: ["bert", "gemma3n", "gpt_oss", "qwen3_next", "GPT2", "gptneox", ""])
  func `other families are refused`(type: String) throws {
    #expect(throws: ConfigurationError.unknownFamily(type)) { try MadeConfiguration.read(type) }
  }

  @Test func `a configuration without a family is refused`() throws {
    #expect(throws: ConfigurationError.unknownFamily(nil)) { try MadeConfiguration.read([:]) }
    #expect(throws: ConfigurationError.unknownFamily("mamba")) {
      try MadeConfiguration.readGGUF(architecture: "mamba")
    }
  }

  static let outside: [(String, JSONValue, String)] = [
    ("num_hidden_layers", 0, "layers"), ("num_hidden_layers", 1001, "layers"),
    ("num_hidden_layers", -1, "layers"), ("num_hidden_layers", .integer(.max), "num_hidden_layers"),
    ("hidden_size", 0, "width"), ("hidden_size", .integer(.min), "hidden_size"),
    ("intermediate_size", 0, "feed-forward width"), ("num_attention_heads", 0, "heads"),
    ("num_attention_heads", 9999, "heads"), ("num_key_value_heads", 4, "key-value heads"),
    ("num_key_value_heads", 0, "key-value heads"), ("num_key_value_heads", 12, "key-value heads"),
    ("head_dim", 0, "head width"), ("head_dim", 3, "rotary dimensions"), ("vocab_size", 0, "vocabulary"),
    ("rope_theta", 0, "rotary base"), ("rope_theta", -5, "rotary base"), ("rms_norm_eps", -1, "norm epsilon"),
    ("rms_norm_eps", .number(1e300), "norm epsilon"), ("sliding_window", 0, "sliding window"),
    ("max_position_embeddings", 0, "positions"), ("max_position_embeddings", -5, "positions"),
    ("max_position_embeddings", 2_000_000_000, "positions"),
    ("max_position_embeddings", .integer(.max), "max_position_embeddings"),
    ("max_position_embeddings", .number(1e9), "max_position_embeddings"),
    ("rms_norm_eps", "1e-6", "rms_norm_eps"), ("tie_word_embeddings", "false", "tie_word_embeddings"),
    ("rope_theta", "10000", "rope_theta"), ("hidden_act", 7, "hidden_act"),
  ]

  @Test(arguments: outside)
  func `numbers outside their limits are refused`(key: String, value: JSONValue, name: String) throws {
    let error = #expect(throws: ConfigurationError.self) {
      try MadeConfiguration.read("mistral", [(key, value)])
    }
    guard case .badSetting(let found, _, _) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(found == name)
  }

  @Test(arguments: ["gpt2", "gptj", "gpt_neox", "opt", "qwen2"], [0, -1, -4096, 1 << 30, Int.max, Int.min])
  func `positions that no network has are refused in every family`(type: String, count: Int) throws {
    let key = ["gpt2", "gptj"].contains(type) ? "n_positions" : "max_position_embeddings"
    let error = #expect(throws: ConfigurationError.self) {
      try MadeConfiguration.read(type, [(key, .integer(count))])
    }
    guard case .badSetting(let name, _, _) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(name == "positions" || name == key)
  }

  @Test func `numbers of other families do not overflow`() throws {
    for (type, key) in [
      ("gpt2", "n_embd"), ("gptj", "n_embd"), ("gpt_neox", "hidden_size"), ("opt", "hidden_size"),
    ] {
      #expect(throws: ConfigurationError.self) { try MadeConfiguration.read(type, [(key, .integer(.max))]) }
    }
    for value in [JSONValue.number(1e300), .number(-1e300), 4] {
      #expect(throws: ConfigurationError.self) {
        try MadeConfiguration.read("gpt_neox", [("rotary_pct", value)])
      }
    }
  }

  @Test func `scaling lacks a number`() throws {
    for key in ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"] {
      let members = ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
        .filter { $0 != key }.map { JSONValue.Member($0, 2) }
      let scaling = JSONValue.object([.init("rope_type", "llama3")] + members)
      #expect(throws: ConfigurationError.missingSetting("rope_scaling.\(key)")) {
        try MadeConfiguration.read("llama", [("rope_scaling", scaling)])
      }
    }
  }

  @Test func `GGUF settings that are not supported are named`() throws {
    let changing: [(String, GGUFValue, String)] = [
      ("attention.value_length", .uint32(7), "7"), ("attention.scale", .float32(0.25), "0.25"),
      ("logit_scale", .float32(0.5), "0.5"), ("residual_scale", .float32(2), "2.0"),
      ("final_logit_softcapping", .float32(30), "30.0"), ("nextn_predict_layers", .uint32(1), "1"),
      ("attention.causal", .bool(false), "false"), ("use_parallel_residual", .bool(true), "true"),
      ("rope.scale_linear", .float32(4), "4.0"), ("something.new", .string("odd"), "odd"),
      ("rope.scaling.type", .string("odd"), "odd"), ("rope.scaling.yarn_ext_factor", .float32(2), "2.0"),
      ("attention.temperature_scale", .float32(0.5), "0.5"), ("attention.key_length_swa", .uint32(7), "7"),
    ]
    for (key, value, shown) in changing {
      let error = #expect(throws: ConfigurationError.self) { try MadeConfiguration.readGGUF([(key, value)]) }
      guard case .unsupported(let setting, let found) = error else {
        Issue.record("\(key) is refused as \(String(describing: error))")
        continue
      }
      #expect(setting.hasSuffix(key) && found == shown)
    }
    #expect(throws: ConfigurationError.missingSetting("llama.expert_used_count")) {
      try MadeConfiguration.readGGUF([("expert_count", .uint32(8))])
    }
    for (key, value) in [("expert_gating_func", GGUFValue.uint32(2)), ("expert_weights_norm", .bool(false))] {
      #expect(throws: ConfigurationError.self) {
        try MadeConfiguration.readGGUF(
          [("expert_count", .uint32(8)), ("expert_used_count", .uint32(2)), (key, value)])
      }
    }
    for (key, value) in [
      ("attention.scale", GGUFValue.float32(0.70710677)), ("logit_scale", .float32(1)),
      ("expert_count", .uint32(0)), ("attention.causal", .bool(true)), ("vocab_size", .uint32(61)),
      ("final_logit_softcapping", .float32(0)), ("attention.max_alibi_bias", .float32(0)),
    ] { _ = try MadeConfiguration.readGGUF([(key, value)]) }
    for key in ["context_length", "embedding_length", "rope.dimension_count"] {
      #expect(throws: ConfigurationError.self) { try MadeConfiguration.readGGUF([(key, .uint64(1 << 40))]) }
    }
    for key in [
      "block_count", "embedding_length", "feed_forward_length", "attention.head_count", "context_length",
    ] {
      #expect(throws: ConfigurationError.missingSetting("llama.\(key)")) {
        try MadeConfiguration.readGGUF([(key, nil)])
      }
    }
    #expect(throws: ConfigurationError.missingTensor(names: ["token_embd.weight"], near: [])) {
      try MadeConfiguration.readGGUF(tensors: [])
    }
  }
}
