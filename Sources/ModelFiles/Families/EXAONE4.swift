extension ModelFamily {
  /// EXAONE 4: norms after each part only and on each head's query and key; where layers have windows, the others are not turned.
  static let exaone4 = ModelFamily(
    "exaone4", title: "EXAONE 4", architectures: ["exaone4"],
    tensors: .llamaLike(
      with: [
        .queryNorm: "self_attn.q_norm", .keyNorm: "self_attn.k_norm",
        .attentionOutputNorm: "post_attention_layernorm",
        .feedForwardOutputNorm: "post_feedforward_layernorm",
      ], without: [.attentionNorm, .feedForwardNorm]),
    design: {
      var design = NetworkDesign.llamaLike
      design.normPlaces = .after
      design.headNorms = .each
      design.biases = [
        .query: false, .key: false, .value: false, .attentionOutput: false, .gate: false, .up: false,
        .down: false,
      ]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c, .init(epsilon: 1e-5))
      let slides = try settings.readSlidingLayers(into: &c, period: 4, window: 4096)
      if c.hasWindows { c.turn(where: slides) }
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      let slides = try settings.readSlidingLayers(into: &c, period: 4)
      if c.hasWindows { c.turn(where: slides) }
    })
}

extension NetworkConfiguration {
  /// Whether some layers have a window.
  fileprivate var hasWindows: Bool { windows.contains { $0 != nil } }
}
