extension ModelFamily {
  /// Gemma 3, the text model: Gemma 2's norms, a norm on each head's query and key, and two turnings, a fast one behind windows.
  static let gemma3 = ModelFamily(
    "gemma3_text", title: "Gemma 3", architectures: ["gemma3"],
    tensors: .gemma(with: [.queryNorm: "self_attn.q_norm", .keyNorm: "self_attn.k_norm"]),
    design: {
      var design = NetworkDesign.gemmaLike
      design.headNorms = .each
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c,
        .init(
          headWidth: 256, keyValueHeads: 4, positions: 131_072,
          sizes: [
            "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
            "num_attention_heads": 8,
          ], activationKey: "hidden_activation", isTied: true), turns: false)
      settings.ignore("hidden_act")
      try settings.readGemma(into: &c)
      c.factors.attentionCap = try settings.cap("attn_logit_softcapping")
      c.factors.logitCap = try settings.cap("final_logit_softcapping")
      let slides = try settings.readSlidingLayers(into: &c, period: 6, window: 4096)
      let wide = try settings.rotary(
        dimensions: c.headWidth, kind: "full_attention", bases: "rope_theta", defaultBase: 1_000_000)
      let near = try settings.rotary(
        dimensions: c.headWidth, kind: "sliding_attention", takesAll: false, bases: "rope_local_base_freq")
      c.positions = .rotary(slides.map { $0 ? near : wide })
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      c.readGemmaScale(layerCount: 62)
      c.factors.logitCap = try settings.cap("final_logit_softcapping")
      let slides = try settings.readSlidingLayers(into: &c, period: 6)
      let wide = try settings.rotary(of: c, defaultBase: 1_000_000)
      var near = Rotary(dimensions: wide.dimensions, base: 10_000, isInterleaved: wide.isInterleaved)
      near.base = try settings.number("rope.freq_base_swa") ?? near.base
      c.positions = .rotary(slides.map { $0 ? near : wide })
    })
}
