extension ModelFamily {
  /// StarCoder2: Llama's attention with biases and a window, layer norms, a plain MLP.
  static let starCoder2 = ModelFamily(
    "starcoder2", title: "StarCoder2", architectures: ["starcoder2"],
    tensors: .llamaLike(with: [.up: "mlp.c_fc", .down: "mlp.c_proj"], without: [.gate]),
    design: NetworkDesign(),
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c,
        .init(keyValueHeads: 2, positions: 4096, epsilonKey: "norm_epsilon", epsilon: 1e-5, isTied: true))
      try settings.readBiases(
        "use_bias", default: true, of: [.query, .key, .value, .attentionOutput, .up, .down], into: &c)
      try settings.readWindow(into: &c)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      try settings.readWindow(into: &c)
    })
}
