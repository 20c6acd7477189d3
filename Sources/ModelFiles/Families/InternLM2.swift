extension ModelFamily {
  /// InternLM 2 and 2.5: Llama under other names, with queries, keys and values in one weight, key head by key head.
  ///
  /// Its converter takes that weight apart, so the two containers have no weight in common there.
  static let internLM2 = ModelFamily(
    "internlm2", title: "InternLM 2", architectures: ["internlm2"],
    tensors: TensorNames(
      prefixes: ["model.", ""], layers: "layers.",
      names: [
        .tokenEmbedding: "tok_embeddings", .finalNorm: "norm", .head: "output",
        .attentionNorm: "attention_norm", .feedForwardNorm: "ffn_norm", .queryKeyValue: "attention.wqkv",
        .query: "attention.wq", .key: "attention.wk", .value: "attention.wv",
        .attentionOutput: "attention.wo", .gate: "feed_forward.w1", .up: "feed_forward.w3",
        .down: "feed_forward.w2",
      ],
      buffers: ["attention.rotary_emb.inv_freq"],
      ggufRows: [.query: .rotaryPairs, .key: .rotaryPairs, .queryKeyValue: .byKind],
      onlyIn: [.queryKeyValue: .safetensors, .query: .gguf, .key: .gguf, .value: .gguf]),
    design: {
      var design = NetworkDesign.llamaLike
      design.biases = [.gate: false, .up: false, .down: false]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c)
      try settings.readBiases("bias", default: true, of: [.queryKeyValue, .attentionOutput], into: &c)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    },
    recipe: .llamaLike([]))
}
