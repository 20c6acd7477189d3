extension ModelFamily {
  /// OPT: learned positions, the first two of which stand for none.
  static let opt = ModelFamily(
    "opt", title: "OPT",
    tensors: TensorNames(
      prefixes: ["model.decoder.", "decoder."], layers: "layers.",
      names: [
        .tokenEmbedding: "embed_tokens", .positionEmbedding: "embed_positions",
        .finalNorm: "final_layer_norm", .head: "lm_head", .attentionNorm: "self_attn_layer_norm",
        .feedForwardNorm: "final_layer_norm", .query: "self_attn.q_proj", .key: "self_attn.k_proj",
        .value: "self_attn.v_proj", .attentionOutput: "self_attn.out_proj", .up: "fc1", .down: "fc2",
      ]),
    design: {
      var design = NetworkDesign()
      design.activation = .relu
      return design
    }(),
    json: { c, settings in
      try settings.require("do_layer_norm_before", true, default: true)
      try settings.require("_remove_final_layer_norm", false, default: false)
      try settings.require("layer_norm_elementwise_affine", true, default: true)
      var keys = JSONSettings.SizeKeys()
      keys.feedForward = ["ffn_dim"]
      try settings.readSizes(into: &c, keys)
      if let projected = try settings.optionalInteger("word_embed_proj_dim"), projected != c.width {
        throw ConfigurationError.unsupported(setting: "word_embed_proj_dim", value: "\(projected)")
      }
      try settings.readBiases(
        "enable_bias", default: true, of: [.query, .key, .value, .attentionOutput, .up, .down], into: &c)
      c.activation = try settings.activation("activation_function", default: .relu)
      c.positions = .learned(offset: 2)
      c.isTied = try settings.flag("tie_word_embeddings", default: true)
    })
}
