/// Settings that change a network in families that know them, each with the values that change nothing.
///
/// A family that does not ask for one of these takes a model only where it has such a value. A setting that no family's network
/// depends on (a dropout, a name, a version) is not here.
enum SettingEffects {
  /// Whether a value leaves the network as it is.
  typealias IsNeutral = @Sendable (_ value: JSONValue, _ network: NetworkConfiguration) -> Bool

  private static func off(_ value: JSONValue, _: NetworkConfiguration) -> Bool {
    switch value {
    case .bool(let flag): !flag
    case .integer(0): true
    case .number(let number): number == 0
    case .array(let values): values.isEmpty
    default: false
    }
  }

  private static func one(_ value: JSONValue, _: NetworkConfiguration) -> Bool { value.number == 1 }

  private static func near(_ value: JSONValue, _ wanted: Double) -> Bool {
    value.number.map { ($0 - wanted).magnitude <= 1e-6 * wanted } ?? false
  }

  /// A window that reaches over all positions is none.
  private static func window(_ value: JSONValue, _ c: NetworkConfiguration) -> Bool {
    value.integer.map { $0 >= c.positionCount } ?? off(value, c)
  }

  private static func layerKinds(_ value: JSONValue, _: NetworkConfiguration) -> Bool {
    value.elements?.allSatisfy { ["full_attention", "attention"].contains($0.text) } ?? false
  }

  private static func rotaryEverywhere(_ value: JSONValue, _ c: NetworkConfiguration) -> Bool {
    value.elements?.allSatisfy { $0.integer == 1 } ?? off(value, c)
  }

  /// What a head's own width is without the setting.
  private static func headWidth(_ value: JSONValue, _ c: NetworkConfiguration) -> Bool {
    value.integer == c.headWidth
  }

  /// How a position is told, by name.
  private static func positionKind(_ value: JSONValue, _ c: NetworkConfiguration) -> Bool {
    switch c.positions {
    case .learned: ["absolute", "learned"].contains(value.text)
    case .rotary: ["rope", "rotary"].contains(value.text)
    }
  }

  /// The keys of `config.json`.
  static let json: [String: IsNeutral] = [
    // Heads
    "head_dim": headWidth, "num_key_value_heads": { value, c in value.integer == c.headCount },
    "multi_query": off, "new_decoder_architecture": off,
    "use_qk_norm": off, "qk_layernorm": off, "qk_norm": off, "use_qk_layernorm": off,
    "query_pre_attn_scalar": { value, c in near(value, Double(c.headWidth)) },
    "attention_multiplier": { value, c in near(value, 1 / Double(max(c.headWidth, 1)).squareRoot()) },
    "attn_logit_softcapping": off, "clip_qkv": off, "attn_output_gate": off, "use_sinks": off,
    "attention_sink": off,
    "global_head_dim": off, "q_lora_rank": off, "kv_lora_rank": off, "num_kv_shared_layers": off,
    // Factors and caps
    "embedding_multiplier": one, "residual_multiplier": one, "logits_scaling": one, "logit_scale": one,
    "final_logit_softcapping": off, "scale_emb": one, "scale_depth": off, "dim_model_base": off,
    // Norms and activations
    "hidden_activation": { value, c in
      value.text.flatMap(NetworkDesign.Activation.init(named:)) == c.activation
    },
    "apply_layernorm_1p": off, "swiglu_limit": off,
    // Blocks
    "parallel_attn": off, "use_parallel_residual": off, "parallel_residual": off,
    // Biases, where no weight is known to have one by the setting
    "attention_bias": off, "mlp_bias": off, "use_qkv_bias": off, "qkv_bias": off, "use_bias": off,
    "bias": off,
    "attention_out_bias": off, "lm_head_bias": off,
    // Windows and kinds of layers
    "sliding_window": window, "use_sliding_window": off, "layer_types": layerKinds,
    "attention_chunk_size": off, "sliding_window_pattern": off, "_sliding_window_pattern": off,
    "use_bidirectional_attention": off, "full_attention_interval": off, "layers_block_type": layerKinds,
    // Positions
    "partial_rotary_factor": one, "rotary_pct": one, "rotary_percent": one, "rotary_dim": headWidth,
    "rope_local_base_freq": off, "no_rope_layers": rotaryEverywhere, "no_rope_layer_interval": off,
    "position_embedding_type": positionKind, "alibi": off, "rope_ratio": one,
    // Layers that are no part of the network that is trained on text alone
    "num_nextn_predict_layers": off, "hidden_size_per_layer_input": off, "laurel_rank": off,
  ]

  /// The keys of the objects that hold rotary settings.
  static let rotary: [String: IsNeutral] = [
    "partial_rotary_factor": one, "llama_4_scaling_beta": off,
    "attention_factor": one,
  ]

  /// How many experts a layer chooses from, by the families' names for it.
  static let expertCounts = [
    "num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts",
  ]

  /// The keys of GGUF metadata, after the architecture, whose values may say that nothing is changed although they are not 0.
  static let gguf: [String: @Sendable (GGUFValue, NetworkConfiguration) -> Bool] = [
    "attention.scale": { value, c in
      value.number.map { ($0 * Double(max(c.headWidth, 1)).squareRoot() - 1).magnitude < 1e-5 } ?? false
    },
    "logit_scale": { value, _ in value.number == 1 }, "residual_scale": { value, _ in value.number == 1 },
    "embedding_scale": { value, _ in value.number == 1 },
    "attention.causal": { value, _ in value.truth == true },
    "attention.sliding_window": { value, c in value.integer.map { $0 >= c.positionCount } ?? false },
    "rope.scaling.attn_factor": { value, _ in value.number == 1 },
    "rope.scaling.yarn_attn_factor": { value, _ in value.number == 1 },
    "rope.scaling.yarn_ext_factor": { value, _ in value.number == 1 },
    "attention.key_length_swa": { value, c in value.integer == c.headWidth },
    "attention.value_length_swa": { value, c in value.integer == c.headWidth },
    "rope.dimension_count_swa": { value, c in value.integer == c.headWidth },
    "rope.scale_linear": { value, _ in value.number == 1 },
  ]

  /// Keys of GGUF metadata, after the architecture, that no value of changes the network.
  static let harmlessGGUF: Set<String> = [
    "vocab_size", "tensor_data_layout", "pooling_type", "expert_used_count", "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon", "rope.scaling.original_context_length", "rope.scaling.finetuned",
  ]
}
