extension ModelFamily {
  /// Command R7B: attention and MLP side by side behind one layer norm, windows on three of four layers, which alone are turned.
  static let cohere2 = ModelFamily(
    "cohere2", title: "Command R7B", architectures: ["cohere2"],
    tensors: .llamaLike(without: [.feedForwardNorm]),
    design: {
      var design = NetworkDesign.llamaLike
      design.norm = .layer
      design.block = .parallelSharedNorm
      design.turnsNeighbors = true
      design.biases = [.attentionNorm: false, .finalNorm: false, .gate: false, .up: false, .down: false]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c, .init(positions: 8192, epsilonKey: "layer_norm_eps", epsilon: 1e-5, isTied: true))
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      c.turn(where: try settings.readSlidingLayers(into: &c, period: 4, window: 4096))
      c.factors.logits = try settings.factor("logit_scale", default: 0.0625)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      c.turn(where: try settings.readSlidingLayers(into: &c, period: 4))
      c.factors.logits = try settings.factor("logit_scale")
    })
}
