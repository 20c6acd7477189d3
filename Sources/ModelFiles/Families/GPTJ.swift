extension ModelFamily {
  /// GPT-J: attention and MLP side by side behind one norm, rotary pairs of neighbors.
  static let gptJ = ModelFamily(
    "gptj", title: "GPT-J", architectures: ["gptj"],
    tensors: TensorNames(
      prefixes: ["transformer.", ""], layers: "h.",
      names: [
        .tokenEmbedding: "wte", .finalNorm: "ln_f", .head: "lm_head", .attentionNorm: "ln_1",
        .query: "attn.q_proj", .key: "attn.k_proj", .value: "attn.v_proj", .attentionOutput: "attn.out_proj",
        .up: "mlp.fc_in", .down: "mlp.fc_out",
      ],
      buffers: ["attn.bias", "attn.masked_bias"]),
    design: {
      var design = NetworkDesign()
      design.block = .parallelSharedNorm
      design.turnsNeighbors = true
      return design
    }(),
    json: { c, settings in
      try settings.readSizes(into: &c, .gpt2)
      c.normEpsilon = Float(try settings.number("layer_norm_epsilon", default: 1e-5))
      c.activation = try settings.activation("activation_function", default: .geluTanh)
      c.turn(by: try settings.rotary(dimensions: settings.optionalInteger("rotary_dim") ?? 64))
      c.isTied = try settings.flag("tie_word_embeddings", default: false)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    },
    recipe: FamilyRecipe(published: [
      .init(
        "GPT-J 6B", layerCount: 28, width: 4096, layers: 3...8, singleLayer: 5, steps: 25,
        lateLayers: 18...26, bound: 5e-5)
    ]))
}
