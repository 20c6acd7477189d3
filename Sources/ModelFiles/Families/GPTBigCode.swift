extension ModelFamily {
  /// GPT-BigCode, StarCoder's first: GPT-2 with one key head for all queries.
  static let gptBigCode = ModelFamily(
    "gpt_bigcode", title: "GPT-BigCode", architectures: ["starcoder"],
    tensors: TensorNames(
      prefixes: ["transformer.", ""], layers: "h.",
      names: [
        .tokenEmbedding: "wte", .positionEmbedding: "wpe", .finalNorm: "ln_f", .head: "lm_head",
        .attentionNorm: "ln_1", .feedForwardNorm: "ln_2", .queryKeyValue: "attn.c_attn",
        .attentionOutput: "attn.c_proj", .up: "mlp.c_fc", .down: "mlp.c_proj",
      ],
      buffers: ["attn.bias", "attn.masked_bias"]),
    design: NetworkDesign(),
    json: { c, settings in
      try settings.require("scale_attn_weights", true, default: true)
      // Without it, rows lie head by head.
      try settings.require("multi_query", true, default: true)
      try settings.readSizes(into: &c, .gpt2)
      c.keyValueHeadCount = 1
      settings.ignore("num_key_value_heads")
      c.normEpsilon = Float(try settings.number("layer_norm_epsilon", default: 1e-5))
      c.activation = try settings.activation("activation_function", default: .geluTanh)
      c.isTied = try settings.flag("tie_word_embeddings", default: true)
    },
    gguf: { c, settings in try settings.readSizes(into: &c) })
}
