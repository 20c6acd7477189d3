extension ModelFamily {
  /// StableLM 3B and 2: Llama with layer norms, rotary over a part of each head, and attention and MLP side by side where told so.
  static let stableLM = ModelFamily(
    "stablelm", title: "StableLM", architectures: ["stablelm"], tensors: .llamaLike(),
    design: {
      var design = NetworkDesign.llamaLike
      design.norm = .layer
      design.biases = [.attentionOutput: false, .gate: false, .up: false, .down: false]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c, .init(epsilonKey: "layer_norm_eps", epsilon: 1e-5, rotaryShare: 0.25))
      try settings.readBiases("use_qkv_bias", default: false, of: [.query, .key, .value], into: &c)
      c.block = try settings.flag("use_parallel_residual", default: false) ? .parallelSharedNorm : .sequential
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      c.block = try settings.truth("use_parallel_residual") ?? false ? .parallelSharedNorm : .sequential
    })
}
