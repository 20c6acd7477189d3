internal import ModelFiles

extension NetworkConfiguration {
  /// Reads a Hugging Face `config.json`.
  ///
  /// - Source: transformers, `models/*/configuration_*.py`; defaults where the key is missing are theirs.
  init(json: JSONValue) throws {
    guard let type = json["model_type"]?.text, let family = ModelFamily.named(type),
      family.name == type || family.aliases.contains(type)
    else { throw NetworkError.unknownFamily(json["model_type"]?.text) }
    let settings = Settings(json: json)
    self = try settings.configuration(of: family, type: type)
  }
}

/// Typed access to a configuration.
private struct Settings {
  let json: JSONValue

  func integer(_ keys: String...) throws -> Int {
    for key in keys {
      guard let value = json[key]?.integer else { continue }
      // Far above every limit, and small enough to be multiplied.
      guard value.magnitude < 1 << 31 else {
        throw NetworkError.badSetting(key, found: "\(value)", expected: "below 2147483648")
      }
      return value
    }
    throw NetworkError.missingSetting(keys[0])
  }
  func flag(_ key: String, default value: Bool) -> Bool {
    if case .bool(let flag)? = json[key] { flag } else { value }
  }
  func number(_ key: String, default value: Double) -> Double { json[key]?.number ?? value }

  /// Refuses a flag that would change the network in a way that is not there.
  func require(_ key: String, _ wanted: Bool, default value: Bool) throws {
    guard flag(key, default: value) == wanted else {
      throw NetworkError.unsupported(setting: key, value: "\(!wanted)")
    }
  }

  func activation(_ key: String, default name: String) throws -> NetworkConfiguration.Activation {
    let name = json[key]?.text ?? name
    switch name {
    case "gelu": return .gelu
    case "gelu_new", "gelu_fast", "gelu_pytorch_tanh": return .geluTanh
    case "relu": return .relu
    case "silu", "swish": return .silu
    default: throw NetworkError.unsupported(setting: key, value: name)
    }
  }

  func configuration(of family: ModelFamily, type: String) throws -> NetworkConfiguration {
    switch family.name {
    case "gpt2":
      try require("scale_attn_by_inverse_layer_idx", false, default: false)
      try require("scale_attn_weights", true, default: true)
      let width = try integer("n_embd", "hidden_size")
      return try configuration(
        family, layers: integer("n_layer", "num_hidden_layers"), width: width,
        feedForward: json["n_inner"]?.integer ?? 4 * width, heads: integer("n_head", "num_attention_heads"),
        positionCount: integer("n_positions", "max_position_embeddings"),
        epsilon: number("layer_norm_epsilon", default: 1e-5),
        activation: activation("activation_function", default: "gelu_new"), positions: .learned(offset: 0),
        block: .sequential, isTied: flag("tie_word_embeddings", default: true))
    case "gptj":
      let width = try integer("n_embd", "hidden_size")
      let heads = try integer("n_head", "num_attention_heads")
      let dimensions = json["rotary_dim"]?.integer ?? width / max(heads, 1)
      return try configuration(
        family, layers: integer("n_layer", "num_hidden_layers"), width: width,
        feedForward: json["n_inner"]?.integer ?? 4 * width, heads: heads,
        positionCount: integer("n_positions", "max_position_embeddings"),
        epsilon: number("layer_norm_epsilon", default: 1e-5),
        activation: activation("activation_function", default: "gelu_new"),
        positions: .rotary(Rotary(dimensions: dimensions, base: 10_000, isInterleaved: true)),
        block: .parallelSharedNorm, isTied: flag("tie_word_embeddings", default: false))
    case "gpt_neox":
      let width = try integer("hidden_size")
      let heads = try integer("num_attention_heads")
      let share = number("rotary_pct", default: ropeParameter("partial_rotary_factor")?.number ?? 0.25)
      guard (0...1).contains(share) else {
        throw NetworkError.badSetting("rotary_pct", found: "\(share)", expected: "0 to 1")
      }
      let dimensions = Int(Double(width / max(heads, 1)) * share)
      let rotary = try rotary(dimensions: dimensions, baseKeys: ["rotary_emb_base", "rope_theta"])
      return try configuration(
        family, layers: integer("num_hidden_layers"), width: width,
        feedForward: integer("intermediate_size"), heads: heads,
        positionCount: integer("max_position_embeddings"), epsilon: number("layer_norm_eps", default: 1e-5),
        activation: activation("hidden_act", default: "gelu"), positions: .rotary(rotary),
        block: flag("use_parallel_residual", default: true) ? .parallel : .sequential,
        isTied: flag("tie_word_embeddings", default: false))
    case "opt":
      try require("do_layer_norm_before", true, default: true)
      try require("_remove_final_layer_norm", false, default: false)
      try require("layer_norm_elementwise_affine", true, default: true)
      let width = try integer("hidden_size")
      if let projected = json["word_embed_proj_dim"]?.integer, projected != width {
        throw NetworkError.unsupported(setting: "word_embed_proj_dim", value: "\(projected)")
      }
      return try configuration(
        family, layers: integer("num_hidden_layers"), width: width, feedForward: integer("ffn_dim"),
        heads: integer("num_attention_heads"), positionCount: integer("max_position_embeddings"),
        epsilon: 1e-5, activation: activation("activation_function", default: "relu"),
        positions: .learned(offset: 2), block: .sequential,
        isTied: flag("tie_word_embeddings", default: true))
    default:
      let width = try integer("hidden_size")
      let heads = try integer("num_attention_heads")
      let headWidth = json["head_dim"]?.integer ?? width / max(heads, 1)
      var configuration = try configuration(
        family, layers: integer("num_hidden_layers"), width: width,
        feedForward: integer("intermediate_size"), heads: heads,
        positionCount: json["max_position_embeddings"]?.integer ?? 2048,
        epsilon: number("rms_norm_eps", default: 1e-6), activation: activation("hidden_act", default: "silu"),
        positions: .rotary(rotary(dimensions: headWidth, baseKeys: ["rope_theta"])), block: .sequential,
        isTied: flag("tie_word_embeddings", default: false))
      guard configuration.activation == .silu else {
        throw NetworkError.unsupported(setting: "hidden_act", value: configuration.activation.rawValue)
      }
      configuration.headWidth = headWidth
      configuration.keyValueHeadCount = json["num_key_value_heads"]?.integer ?? heads
      configuration.windows = try windows(type: type, layers: configuration.layerCount)
      return configuration
    }
  }

  private func configuration(
    _ family: ModelFamily, layers: Int, width: Int, feedForward: Int, heads: Int, positionCount: Int,
    epsilon: Double, activation: NetworkConfiguration.Activation, positions: NetworkConfiguration.Positions,
    block: NetworkConfiguration.Block, isTied: Bool
  ) throws -> NetworkConfiguration {
    let layersAllowed = min(max(layers, 0), 1000)
    return NetworkConfiguration(
      family: family, layerCount: layers, width: width, feedForwardWidth: feedForward, headCount: heads,
      keyValueHeadCount: heads, headWidth: width / max(heads, 1), vocabularySize: try integer("vocab_size"),
      positionCount: positionCount, normEpsilon: Float(epsilon), activation: activation, positions: positions,
      windows: Array(repeating: nil, count: layersAllowed), block: block, isTied: isTied)
  }

  /// Newer files keep rotary settings in one object, older ones beside the rest.
  private func ropeParameter(_ key: String) -> JSONValue? {
    json["rope_parameters"]?[key] ?? json["rope_scaling"]?[key]
  }

  private func rotary(dimensions: Int, baseKeys: [String]) throws -> Rotary {
    let base = ropeParameter("rope_theta")?.number ?? baseKeys.lazy.compactMap { json[$0]?.number }.first
    var rotary = Rotary(dimensions: dimensions, base: base ?? 10_000, isInterleaved: false)
    let kind = ropeParameter("rope_type")?.text ?? ropeParameter("type")?.text ?? "default"
    func setting(_ key: String) throws -> Double {
      guard let value = ropeParameter(key)?.number, value > 0 else {
        throw NetworkError.missingSetting("rope_scaling.\(key)")
      }
      return value
    }
    switch kind {
    case "default": break
    case "linear": rotary.scaling = .linear(factor: try setting("factor"))
    case "llama3":
      rotary.scaling = .llama3(
        factor: try setting("factor"), lowFrequency: try setting("low_freq_factor"),
        highFrequency: try setting("high_freq_factor"),
        originalPositions: try setting("original_max_position_embeddings"))
    default: throw NetworkError.unsupported(setting: "rope_scaling.rope_type", value: kind)
    }
    return rotary
  }

  /// Mistral's window serves all layers; Qwen2's only the upper ones, and only when it is switched on.
  private func windows(type: String, layers: Int) throws -> [Int?] {
    let none = [Int?](repeating: nil, count: min(max(layers, 0), 1000))
    guard let window = json["sliding_window"]?.integer else { return none }
    if let kinds = json["layer_types"]?.elements, kinds.count == none.count {
      return kinds.map { $0.text == "sliding_attention" ? window : nil }
    }
    switch type {
    case "mistral": return none.map { _ in window }
    case "qwen2":
      guard flag("use_sliding_window", default: false) else { return none }
      let first = json["max_window_layers"]?.integer ?? 28
      return none.indices.map { $0 >= first ? window : nil }
    default: return none
    }
  }
}
