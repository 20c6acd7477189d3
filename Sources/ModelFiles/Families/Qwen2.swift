extension ModelFamily {
  /// Qwen2 and 2.5: Llama with biases on queries, keys and values, and windows on the upper layers where they are switched on.
  static let qwen2 = ModelFamily(
    "qwen2", title: "Qwen2", architectures: ["qwen2"], tensors: .llamaLike(),
    design: {
      var design = NetworkDesign.llamaLike
      design.biases = [
        .query: true, .key: true, .value: true, .attentionOutput: false, .gate: false, .up: false,
        .down: false,
      ]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c)
      try settings.readUpperWindows(into: &c)
      // Whatever these say, the biases are those above.
      settings.ignore("attention_bias", "qkv_bias", "use_qkv_bias")
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      try settings.readWindow(into: &c)
    },
    recipe: .llamaLike([
      .init("Qwen2 7B", layerCount: 28, width: 3584, layers: 4...8, singleLayer: 5, steps: 25)
    ]))
}
