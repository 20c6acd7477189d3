extension ModelFamily {
  /// SmolLM3: Llama without positions on every fourth layer.
  static let smolLM3 = ModelFamily(
    "smollm3", title: "SmolLM3", architectures: ["smollm3"], tensors: .llamaLike(ggufRows: TensorNames.pairs),
    design: .llamaLike,
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c, .init(keyValueHeads: 4, positions: 32_768, base: 2_000_000, isTied: true))
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      try settings.readBiases("mlp_bias", default: false, of: [.gate, .up, .down], into: &c)
      let turns = try settings.turningLayers(of: c, period: 4)
      c.turn(where: turns)
      if try settings.flag("use_sliding_window", default: false),
        let window = try settings.optionalInteger("sliding_window")
      {
        let slides = try settings.layerKinds(of: c) ?? turns.map { !$0 }
        c.windows = slides.map { $0 ? window : nil }
      } else {
        settings.ignore("sliding_window", "layer_types")
      }
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      // Which layers have none is not stored.
      c.turn(where: c.layers.map { ($0 + 1) % 4 != 0 })
    },
    recipe: .llamaLike([]))
}
