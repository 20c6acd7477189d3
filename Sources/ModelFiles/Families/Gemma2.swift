extension ModelFamily {
  /// Gemma 2: norms before and after each part, capped scores and logits, a window on every other layer.
  static let gemma2 = ModelFamily(
    "gemma2", title: "Gemma 2", architectures: ["gemma2"], tensors: .gemma(),
    design: .gemmaLike,
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c,
        .init(
          headWidth: 256, keyValueHeads: 4, positions: 8192, activationKey: "hidden_activation", isTied: true)
      )
      settings.ignore("hidden_act")
      try settings.readGemma(into: &c)
      c.factors.attentionCap = try settings.cap("attn_logit_softcapping", default: 50)
      c.factors.logitCap = try settings.cap("final_logit_softcapping", default: 30)
      try settings.readSlidingLayers(into: &c, period: 2, window: 4096)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      // The scale is not stored; of the published sizes, one has another.
      c.readGemmaScale(layerCount: 46)
      c.factors.attentionCap = try settings.cap("attn_logit_softcapping") ?? 50
      c.factors.logitCap = try settings.cap("final_logit_softcapping") ?? 30
      try settings.readSlidingLayers(into: &c, period: 2)
    })
}

extension TensorNames {
  /// Llama's, with the norms around both parts.
  static func gemma(with names: [TensorRole: String] = [:]) -> TensorNames {
    let norms: [TensorRole: String] = [
      .attentionOutputNorm: "post_attention_layernorm", .feedForwardNorm: "pre_feedforward_layernorm",
      .feedForwardOutputNorm: "post_feedforward_layernorm",
    ]
    return .llamaLike(with: norms.merging(names) { $1 })
  }
}

extension NetworkDesign {
  /// What Gemma 2 and 3 have in common.
  static var gemmaLike: NetworkDesign {
    var design = NetworkDesign.llamaLike
    design.norm = .rms(offset: 1)
    design.normPlaces = .around
    design.activation = .geluTanh
    design.scalesEmbedding = true
    design.biases = [.gate: false, .up: false, .down: false]
    return design
  }
}

extension JSONSettings {
  /// Reads the scale of scores, and biases; what would look ahead is refused.
  func readGemma(into c: inout NetworkConfiguration) throws {
    try require("use_bidirectional_attention", false, default: false)
    c.factors.attention = 1 / (try number("query_pre_attn_scalar", default: 256)).squareRoot()
    try readBiases(
      "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
  }
}

extension NetworkConfiguration {
  /// The scale of scores in GGUF files: by the width of a head, and, of models with so many layers, by the width of the model.
  ///
  /// - Source: ggml-org/llama.cpp, `src/models/gemma2.cpp`, `gemma3.cpp`.
  mutating func readGemmaScale(layerCount: Int) {
    let width = self.layerCount == layerCount ? width / max(headCount, 1) : headWidth
    self.factors.attention = 1 / Double(max(width, 1)).squareRoot()
  }
}
