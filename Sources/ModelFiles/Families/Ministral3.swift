extension ModelFamily {
  /// Ministral 3: Llama with YaRN, and queries that grow with their position.
  static let ministral3 = ModelFamily(
    "ministral3", title: "Ministral 3", architectures: ["mistral3"],
    tensors: .llamaLike(ggufRows: TensorNames.pairs),
    design: {
      var design = NetworkDesign.llamaLike
      design.biases = [
        .query: false, .key: false, .value: false, .attentionOutput: false, .gate: false, .up: false,
        .down: false,
      ]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c, .init(headWidth: 128, keyValueHeads: 8, positions: 262_144, epsilon: 1e-5, base: 1_000_000))
      let rate = try settings.rotaryNumber("llama_4_scaling_beta")
      let length = try settings.rotaryNumber("original_max_position_embeddings")
      guard let rate, let length, let positions = Int(exactly: length) else {
        throw ConfigurationError.missingSetting(
          "rope_parameters." + (rate == nil ? "llama_4_scaling_beta" : "original_max_position_embeddings"))
      }
      c.factors.queryGrowth = .init(rate: rate, length: positions)
      try settings.readWindow(into: &c)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      if let rate = try settings.number("attention.temperature_scale"), rate != 0 {
        c.factors.queryGrowth = .init(
          rate: rate, length: try settings.integer("rope.scaling.original_context_length"))
      }
    },
    recipe: .llamaLike([]))
}
