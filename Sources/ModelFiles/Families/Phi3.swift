extension ModelFamily {
  /// Phi-3, 3.5 and 4, and Phi-4-mini: Llama with queries, keys and values in one weight, gate and up in one, and long texts by LongRoPE.
  static let phi3 = ModelFamily(
    "phi3", title: "Phi-3/3.5/4", architectures: ["phi3"],
    tensors: .llamaLike(
      with: [.queryKeyValue: "self_attn.qkv_proj", .gateUp: "mlp.gate_up_proj"],
      without: [.query, .key, .value, .gate, .up]),
    design: {
      var design = NetworkDesign.llamaLike
      design.biases = [.queryKeyValue: false, .attentionOutput: false, .gateUp: false, .down: false]
      return design
    }(),
    json: { c, settings in
      try settings.readLlamaLike(into: &c, .init(positions: 4096, epsilon: 1e-5), turns: false)
      let share = try settings.rotaryShare(default: 1)
      c.turn(
        by: try settings.rotary(
          dimensions: Int(Double(c.headWidth) * share), bases: "rope_theta",
          renamed: ["su": "longrope", "yarn": "longrope"]))
      settings.ignore("attention_bias")
      try settings.readWindow(into: &c)
    },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
      try settings.readWindow(into: &c)
    },
    recipe: .llamaLike([]))
}
