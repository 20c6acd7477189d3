extension ModelFamily {
  /// Llama and Mistral: RMS norms, a gated MLP, rotary positions, fewer heads of keys than of queries.
  ///
  /// llama.cpp calls both `llama`, so a patch must fit either's files. They differ in one setting: a window on Mistral's layers.
  static let llama = ModelFamily(
    "llama", title: "Llama", aliases: [("mistral", "Mistral")], architectures: ["llama"],
    tensors: .llamaLike(ggufRows: [.query: .rotaryPairs, .key: .rotaryPairs]),
    design: .llamaLike,
    json: { c, settings in
      try settings.readLlamaLike(into: &c)
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      try settings.readBiases("mlp_bias", default: false, of: [.gate, .up, .down], into: &c)
      if settings.type == "mistral", let window = try settings.optionalInteger("sliding_window") {
        c.windows = c.layers.map { _ in window }
      }
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
