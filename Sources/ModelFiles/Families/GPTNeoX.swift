extension ModelFamily {
  /// GPT-NeoX and Pythia: attention and MLP side by side, each behind a norm of its own; rotary over a part of each head.
  static let gptNeoX = ModelFamily(
    "gpt_neox", title: "GPT-NeoX/Pythia", architectures: ["gptneox"],
    tensors: TensorNames(
      prefixes: ["gpt_neox.", ""], layers: "layers.",
      names: [
        .tokenEmbedding: "embed_in", .finalNorm: "final_layer_norm", .head: "embed_out",
        .attentionNorm: "input_layernorm", .feedForwardNorm: "post_attention_layernorm",
        .queryKeyValue: "attention.query_key_value", .attentionOutput: "attention.dense",
        .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
      ],
      buffers: ["attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq"],
      ggufRows: [.queryKeyValue: .byKind]),
    design: {
      var design = NetworkDesign()
      design.block = .parallel
      // llama.cpp runs the tanh form, whatever the original model had.
      design.activation = .geluTanh
      return design
    }(),
    json: { c, settings in
      try settings.readSizes(into: &c)
      c.normEpsilon = Float(try settings.number("layer_norm_eps", default: 1e-5))
      c.activation = try settings.activation("hidden_act", default: .gelu)
      let share = try settings.rotaryShare("rotary_pct", default: 0.25)
      c.turn(
        by: try settings.rotary(
          dimensions: Int(Double(c.headWidth) * share), bases: "rotary_emb_base", "rope_theta"))
      c.block = try settings.flag("use_parallel_residual", default: true) ? .parallel : .sequential
      try settings.readBiases(
        "attention_bias", default: true, of: [.queryKeyValue, .attentionOutput], into: &c)
      c.isTied = try settings.flag("tie_word_embeddings", default: false)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      c.block = try settings.truth("use_parallel_residual") ?? true ? .parallel : .sequential
    },
    recipe: FamilyRecipe(published: [
      .init("GPT-NeoX 20B", layerCount: 44, width: 6144, layers: 6...10, singleLayer: 15, steps: 20)
    ]))
}
