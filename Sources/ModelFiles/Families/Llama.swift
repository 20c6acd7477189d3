extension ModelFamily {
  /// Llama, Mistral, Mixtral and InternLM 3: RMS norms, a gated MLP, rotary positions, fewer heads of keys than of queries.
  ///
  /// llama.cpp calls all `llama`, so a patch must fit any one's files. They differ in a setting or two: a window on Mistral's layers,
  /// biases of InternLM's, experts in Mixtral's.
  static let llama = ModelFamily(
    "llama", title: "Llama",
    aliases: [("mistral", "Mistral"), ("mixtral", "Mixtral"), ("internlm3", "InternLM 3")],
    architectures: ["llama"],
    tensors: .llamaLike(with: TensorNames.sparseExperts, ggufRows: TensorNames.pairs),
    design: .llamaLike,
    json: { c, settings in
      if settings.type == "mixtral" {
        try settings.readLlamaLike(into: &c, .init(keyValueHeads: 8, epsilon: 1e-5, base: 1_000_000))
        try settings.readWindow(into: &c)
        c.experts = try settings.experts(
          of: c, width: c.feedForwardWidth, renormalizes: true,
          defaults: (8, 2))
        return
      }
      try settings.readLlamaLike(into: &c)
      if settings.type == "internlm3" {
        try settings.readBiases("qkv_bias", default: false, of: [.query, .key, .value], into: &c)
        try settings.readBiases("bias", default: false, of: [.attentionOutput, .gate, .up, .down], into: &c)
      } else {
        try settings.readBiases(
          "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
        try settings.readBiases("mlp_bias", default: false, of: [.gate, .up, .down], into: &c)
      }
      if settings.type == "mistral" { try settings.readWindow(into: &c) }
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      try settings.readWindow(into: &c)
      c.experts = try settings.experts(of: c, renormalizes: true)
    },
    recipe: .llamaLike([
      .init(
        "Llama 2 7B and Mistral 7B", layerCount: 32, width: 4096, layers: 4...8, singleLayer: 5, steps: 25,
        lateLayers: 29...30),
      .init("Llama 3.2 3B", layerCount: 28, width: 3072, layers: 4...8, singleLayer: 5, steps: 25),
    ]))
}
