extension ModelFamily {
  /// Phi-1, 1.5 and 2: attention and MLP side by side behind one norm, rotary over a part of each head, biases everywhere.
  static let phi = ModelFamily(
    "phi", title: "Phi-2", architectures: ["phi2"],
    tensors: TensorNames(
      prefixes: ["model.", ""], layers: "layers.",
      names: [
        .tokenEmbedding: "embed_tokens", .finalNorm: "final_layernorm", .head: "lm_head",
        .attentionNorm: "input_layernorm", .query: "self_attn.q_proj", .key: "self_attn.k_proj",
        .value: "self_attn.v_proj", .attentionOutput: "self_attn.dense", .up: "mlp.fc1", .down: "mlp.fc2",
      ]),
    design: {
      var design = NetworkDesign()
      design.block = .parallelSharedNorm
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(
        into: &c, .init(epsilonKey: "layer_norm_eps", epsilon: 1e-5, rotaryShare: 0.5))
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    })
}
