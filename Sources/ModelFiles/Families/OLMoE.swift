extension ModelFamily {
  /// OLMoE: Llama with norms on all queries and all keys of a position, and experts.
  static let olmoE = ModelFamily(
    "olmoe", title: "OLMoE", architectures: ["olmoe"],
    tensors: .llamaLike(
      with: TensorNames.experts.merging([.queryNorm: "self_attn.q_norm", .keyNorm: "self_attn.k_norm"]) {
        $1
      },
      without: [.gate, .up, .down]),
    design: {
      var design = NetworkDesign.llamaLike
      design.headNorms = .whole
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c, .init(epsilon: 1e-5))
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      c.experts = try settings.experts(
        of: c, width: c.feedForwardWidth,
        renormalizes: try settings.flag("norm_topk_prob", default: false), defaults: (64, 8))
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      c.experts = try settings.experts(of: c, renormalizes: false)
    },
    recipe: .llamaLike([]))
}
