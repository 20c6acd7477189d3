extension ModelFamily {
  /// Qwen3: Llama with a norm on each head's query and key, and heads whose width is a setting of its own.
  static let qwen3 = ModelFamily(
    "qwen3", title: "Qwen3", architectures: ["qwen3"],
    tensors: .llamaLike(with: [.queryNorm: "self_attn.q_norm", .keyNorm: "self_attn.k_norm"]),
    design: {
      var design = NetworkDesign.llamaLike
      design.headNorms = .each
      design.biases = [.gate: false, .up: false, .down: false]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c, .init(headWidth: 128))
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      try settings.readUpperWindows(into: &c)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    },
    recipe: .llamaLike([]))
}
