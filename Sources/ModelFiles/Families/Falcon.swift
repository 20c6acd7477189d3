extension ModelFamily {
  /// Falcon: attention and MLP side by side behind one norm, one key head for all queries or a few, exact GELU.
  static let falcon = ModelFamily(
    "falcon", title: "Falcon", architectures: ["falcon"],
    tensors: TensorNames(
      prefixes: ["transformer.", ""], layers: "h.",
      names: [
        .tokenEmbedding: "word_embeddings", .finalNorm: "ln_f", .head: "lm_head",
        .attentionNorm: "input_layernorm", .queryKeyValue: "self_attention.query_key_value",
        .attentionOutput: "self_attention.dense", .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
      ], ggufRows: [.queryKeyValue: .byKind]),
    design: {
      var design = NetworkDesign()
      design.block = .parallelSharedNorm
      design.activation = .gelu
      return design
    }(),
    json: { c, settings in
      var keys = JSONSettings.SizeKeys()
      keys.feedForward = ["ffn_hidden_size"]
      keys.feedForwardWidths = 4
      keys.defaultPositions = 2048
      try settings.readSizes(into: &c, keys)
      try settings.require("alibi", false, default: false)
      try settings.require("parallel_attn", true, default: true)
      let isNewer = try settings.flag("new_decoder_architecture", default: false)
      let isShared = try settings.flag("multi_query", default: true)
      let count = try settings.optionalInteger("num_kv_heads", "n_head_kv")
      if isNewer {
        c.keyValueHeadCount = count ?? c.headCount
        // Two norms, one for each part, unless told otherwise.
        let norms = try settings.optionalInteger("num_ln_in_parallel_attn") ?? 2
        guard norms == 1 else {
          throw ConfigurationError.unsupported(setting: "num_ln_in_parallel_attn", value: "\(norms)")
        }
      } else {
        settings.ignore("num_ln_in_parallel_attn")
        c.keyValueHeadCount = isShared ? 1 : c.headCount
      }
      c.normEpsilon = Float(try settings.number("layer_norm_epsilon", default: 1e-5))
      c.activation = try settings.activation("activation", default: .gelu)
      try settings.readBiases(
        "bias", default: false, of: [.queryKeyValue, .attentionOutput, .up, .down], into: &c)
      c.turn(by: try settings.rotary(dimensions: c.headWidth, bases: "rope_theta"))
      c.isTied = try settings.flag("tie_word_embeddings", default: true)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    })
}
