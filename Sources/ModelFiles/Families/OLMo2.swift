extension ModelFamily {
  /// OLMo 2 and 3: norms after each part only, and on all queries and all keys of a position; OLMo 3 has windows on three of four layers.
  ///
  /// llama.cpp calls both `olmo2`.
  static let olmo2 = ModelFamily(
    "olmo2", title: "OLMo 2", aliases: [("olmo3", "OLMo 3")], architectures: ["olmo2"],
    tensors: .llamaLike(
      with: [
        .queryNorm: "self_attn.q_norm", .keyNorm: "self_attn.k_norm",
        .attentionOutputNorm: "post_attention_layernorm",
        .feedForwardOutputNorm: "post_feedforward_layernorm",
      ], without: [.attentionNorm, .feedForwardNorm]),
    design: {
      var design = NetworkDesign.llamaLike
      design.normPlaces = .after
      design.headNorms = .whole
      design.biases = [.gate: false, .up: false, .down: false]
      return design
    }(),
    json: { c, settings in
      let isThird = settings.type == "olmo3"
      try settings.readLlamaLike(into: &c, .init(epsilon: 1e-5), turns: !isThird)
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      guard isThird else { return }
      let slides = try settings.readSlidingLayers(into: &c, period: 4, window: 4096)
      // Only layers that see everything are stretched.
      let wide = try settings.rotary(
        dimensions: c.headWidth, kind: "full_attention", bases: "rope_theta", defaultBase: 500_000)
      let near = try settings.rotary(
        dimensions: c.headWidth, kind: "sliding_attention", takesAll: false, bases: "rope_theta",
        defaultBase: wide.base)
      c.positions = .rotary(slides.map { $0 ? near : wide })
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      let wide = try settings.rotary(of: c)
      let near = Rotary(dimensions: wide.dimensions, base: wide.base, isInterleaved: wide.isInterleaved)
      let slides = try settings.readSlidingLayers(into: &c, period: 4)
      let hasWindows = c.windows.contains { $0 != nil }
      c.positions = .rotary(slides.map { $0 && hasWindows ? near : wide })
    })
}
