extension ModelFamily {
  /// Qwen3's mixtures of experts: Qwen3 with many small MLPs of which each position goes through some.
  static let qwen3MoE = ModelFamily(
    "qwen3_moe", title: "Qwen3-MoE", architectures: ["qwen3moe"],
    tensors: .llamaLike(
      with: TensorNames.experts.merging([.queryNorm: "self_attn.q_norm", .keyNorm: "self_attn.k_norm"]) { $1 }
    ),
    design: {
      var design = NetworkDesign.llamaLike
      design.headNorms = .each
      design.biases = [.gate: false, .up: false, .down: false]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c, .init(keyValueHeads: 4))
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      try settings.readUpperWindows(into: &c)
      var experts = try settings.experts(
        of: c, width: try settings.optionalInteger("moe_intermediate_size") ?? 768,
        renormalizes: try settings.flag("norm_topk_prob", default: false), defaults: (128, 8))
      experts.layers = try settings.sparseLayers(of: c)
      c.experts = experts
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      c.experts = try settings.experts(of: c, renormalizes: true)
    },
    recipe: .llamaLike([
      .init("Qwen3 30B-A3B", layerCount: 48, width: 2048, layers: 3...7, singleLayer: 5, steps: 25)
    ]))
}
