extension ModelFamily {
  /// Granite 3: Llama with a factor on embeddings, on what each part adds, on scores and on logits.
  static let granite = ModelFamily(
    "granite", title: "Granite 3", architectures: ["granite"],
    tensors: .llamaLike(ggufRows: TensorNames.pairs),
    design: .llamaLike,
    json: { c, settings in
      try settings.readLlamaLike(into: &c)
      try settings.readBiases(
        "attention_bias", default: false, of: [.query, .key, .value, .attentionOutput], into: &c)
      try settings.readBiases("mlp_bias", default: false, of: [.gate, .up, .down], into: &c)
      c.factors.embedding = try settings.factor("embedding_multiplier")
      c.factors.residual = try settings.factor("residual_multiplier")
      c.factors.attention = try settings.number("attention_multiplier", default: 1)
      c.factors.logits = 1 / (try settings.factor("logits_scaling"))
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      c.factors.embedding = try settings.factor("embedding_scale")
      c.factors.residual = try settings.factor("residual_scale")
      c.factors.attention = try settings.number("attention.scale").flatMap { $0 == 0 ? nil : $0 }
      c.factors.logits = 1 / (try settings.factor("logit_scale"))
    },
    recipe: .llamaLike([]))
}
