extension ModelFamily {
  /// GPT-2: weights stored as their transposes, learned positions.
  static let gpt2 = ModelFamily(
    "gpt2", title: "GPT-2", architectures: ["gpt2"],
    tensors: TensorNames(
      prefixes: ["transformer.", ""], layers: "h.",
      names: [
        .tokenEmbedding: "wte", .positionEmbedding: "wpe", .finalNorm: "ln_f", .head: "lm_head",
        .attentionNorm: "ln_1", .feedForwardNorm: "ln_2", .queryKeyValue: "attn.c_attn",
        .attentionOutput: "attn.c_proj", .up: "mlp.c_fc", .down: "mlp.c_proj",
      ],
      buffers: ["attn.bias", "attn.masked_bias"],
      inputMajor: [.queryKeyValue, .attentionOutput, .up, .down]),
    design: NetworkDesign(),
    json: { c, settings in
      try settings.require("scale_attn_by_inverse_layer_idx", false, default: false)
      try settings.require("scale_attn_weights", true, default: true)
      try settings.readSizes(into: &c, .gpt2)
      c.normEpsilon = Float(try settings.number("layer_norm_epsilon", default: 1e-5))
      c.activation = try settings.activation("activation_function", default: .geluTanh)
      c.isTied = try settings.flag("tie_word_embeddings", default: true)
    },
    gguf: { c, settings in try settings.readSizes(into: &c) },
    recipe: {
      var recipe = FamilyRecipe(published: [
        .init(
          "GPT-2 medium", layerCount: 24, width: 1024, layers: 6...10, singleLayer: 8, steps: 20, bound: 2e-3),
        .init("GPT-2 large", layerCount: 36, width: 1280, layers: 10...14, singleLayer: 12, steps: 20),
        .init(
          "GPT-2 XL", layerCount: 48, width: 1600, layers: 13...17, singleLayer: 17, steps: 20, bound: 5e-4),
      ])
      recipe.depth = 0.32
      recipe.secondMomentWeight = 20_000
      recipe.equalityWeight = 1000
      return recipe
    }())
}
