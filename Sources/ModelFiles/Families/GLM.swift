extension ModelFamily {
  /// GLM-4-9b: Llama with gate and up in one weight, neighbors turned over half of each head, biases on queries, keys and values.
  static let glm = ModelFamily(
    "glm", title: "GLM-4", architectures: ["chatglm"], tensors: .glm(),
    design: .glmLike,
    json: { c, settings in try settings.readGLM(into: &c) },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    },
    recipe: .llamaLike([]))

  /// GLM-4 of April 2025: the same with norms after each part, too.
  static let glm4 = ModelFamily(
    "glm4", title: "GLM-4-0414", architectures: ["glm4"],
    tensors: .glm(with: [
      .attentionOutputNorm: "post_self_attn_layernorm", .feedForwardNorm: "post_attention_layernorm",
      .feedForwardOutputNorm: "post_mlp_layernorm",
    ]),
    design: {
      var design = NetworkDesign.glmLike
      design.normPlaces = .around
      return design
    }(),
    json: { c, settings in try settings.readGLM(into: &c) },
    gguf: { c, settings in
      try settings.readSizes(into: &c)
      try settings.readRotary(into: &c)
    })
}

extension TensorNames {
  fileprivate static func glm(with names: [TensorRole: String] = [:]) -> TensorNames {
    let fused: [TensorRole: String] = [.gateUp: "mlp.gate_up_proj"]
    return .llamaLike(with: fused.merging(names) { $1 }, without: [.gate, .up])
  }
}

extension NetworkDesign {
  fileprivate static var glmLike: NetworkDesign {
    var design = NetworkDesign.llamaLike
    design.turnsNeighbors = true
    design.biases = [.attentionOutput: false, .gateUp: false, .down: false]
    return design
  }
}

extension JSONSettings {
  fileprivate func readGLM(into c: inout NetworkConfiguration) throws {
    try readLlamaLike(
      into: &c,
      .init(headWidth: 128, keyValueHeads: 2, positions: 131_072, epsilon: 1.5625e-7, rotaryShare: 0.5))
    try readBiases("attention_bias", default: true, of: [.query, .key, .value], into: &c)
  }
}
