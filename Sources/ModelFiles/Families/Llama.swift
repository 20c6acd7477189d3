extension ModelFamily {
  /// Llama, Mistral and InternLM 3: RMS norms, a gated MLP, rotary positions, fewer heads of keys than of queries.
  ///
  /// llama.cpp calls all `llama`, so a patch must fit any one's files. They differ in a setting or two: a window on Mistral's layers,
  /// biases of InternLM's.
  static let llama = ModelFamily(
    "llama", title: "Llama", aliases: [("mistral", "Mistral"), ("internlm3", "InternLM 3")],
    architectures: ["llama"],
    tensors: .llamaLike(ggufRows: TensorNames.pairs),
    design: .llamaLike,
    json: { c, settings in
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
    },
    recipe: .llamaLike([
      .init(
        "Llama 2 7B and Mistral 7B", layerCount: 32, width: 4096, layers: 4...8, singleLayer: 5, steps: 25,
        lateLayers: 29...30),
      .init("Llama 3.2 3B", layerCount: 28, width: 3072, layers: 4...8, singleLayer: 5, steps: 25),
    ]))
}
