internal import ModelFiles

extension NetworkConfiguration {
  /// Reads the metadata of a GGUF model.
  ///
  /// - Source: ggml-org/llama.cpp, `src/llama-arch.cpp` (keys), `src/llama-model.cpp` (defaults).
  init(gguf model: ModelFile) throws {
    guard let architecture = model.modelType, let family = ModelFamily.named(architecture),
      family.architectures.contains(architecture)
    else { throw NetworkError.unknownFamily(model.modelType) }

    let values = Dictionary(
      model.ggufMetadata.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    func value(_ key: String) -> GGUFValue? { values["\(architecture).\(key)"] }
    func integer(_ key: String) throws -> Int {
      guard let number = value(key)?.integer else {
        throw NetworkError.missingSetting("\(architecture).\(key)")
      }
      return number
    }
    let width = try integer("embedding_length")
    let heads = try integer("attention.head_count")
    let headWidth = value("attention.key_length")?.integer ?? width / max(heads, 1)
    if let valueLength = value("attention.value_length")?.integer, valueLength != headWidth {
      throw NetworkError.unsupported(setting: "attention.value_length", value: "\(valueLength)")
    }
    if let experts = value("expert_count")?.integer, experts > 0 {
      throw NetworkError.unsupported(setting: "expert_count", value: "\(experts)")
    }
    let layers = try integer("block_count")
    let epsilonKey =
      family.isLlamaLike ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"

    self.init(
      family: family, layerCount: layers, width: width, feedForwardWidth: try integer("feed_forward_length"),
      headCount: heads, keyValueHeadCount: value("attention.head_count_kv")?.integer ?? heads,
      headWidth: headWidth, vocabularySize: try Self.vocabularySize(of: model, family),
      positionCount: try integer("context_length"), normEpsilon: Float(value(epsilonKey)?.number ?? 1e-5),
      activation: .geluTanh, positions: .learned(offset: 0),
      windows: Array(repeating: nil, count: min(max(layers, 0), 1000)), block: .sequential,
      isTied: family.tensorName(of: TensorPlace(.head), in: model) == nil)

    guard family.name != "gpt2" else { return }
    var rotary = Rotary(
      dimensions: value("rope.dimension_count")?.integer ?? headWidth,
      base: value("rope.freq_base")?.number ?? 10_000,
      isInterleaved: family.name == "gptj" || family.ggufRowOrder(of: .query) == .rotaryPairs)
    switch try value("rope.scaling.type")?.text() ?? "none" {
    case "none": break
    case "linear":
      if let factor = value("rope.scaling.factor")?.number, factor > 0 {
        rotary.scaling = .linear(factor: factor)
      }
    case let other: throw NetworkError.unsupported(setting: "\(architecture).rope.scaling.type", value: other)
    }
    if let divisors = try Self.divisors(in: model, count: rotary.dimensions / 2) {
      rotary.scaling = .divisors(divisors)
    }
    positions = .rotary(rotary)
    switch family.name {
    case "gptj": block = .parallelSharedNorm
    case "gpt_neox":
      block = value("use_parallel_residual")?.truth ?? true ? .parallel : .sequential
      // llama.cpp runs the tanh form here, whatever the original model had.
      activation = .geluTanh
    default: activation = .silu
    }
    if family.isLlamaLike, let window = value("attention.sliding_window")?.integer, window > 0 {
      windows = windows.map { _ in window }
    }
  }

  /// The rows of the token embedding: metadata may name more tokens than it has.
  private static func vocabularySize(of model: ModelFile, _ family: ModelFamily) throws -> Int {
    let place = TensorPlace(.tokenEmbedding)
    guard let name = family.tensorName(of: place, in: model) else {
      throw NetworkError.missingWeight(names: family.tensorNames(of: place, in: .gguf))
    }
    return try model.tensor(name).shape.first ?? 0
  }

  private static func divisors(in model: ModelFile, count: Int) throws -> [Float]? {
    let name = "rope_freqs.weight"
    guard model.contains(name) else { return nil }
    let tensor = try model.tensor(name)
    guard tensor.elementType == .f32, tensor.elementCount == count else {
      throw NetworkError.weightShape(tensor: name, expected: [count], found: tensor.shape)
    }
    return tensor.elementType.decoded(
      try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
  }
}

extension ModelFamily {
  /// RMS norms, a gated MLP, rotary positions: Llama, Mistral, Qwen2.
  var isLlamaLike: Bool { name == "llama" || name == "qwen2" }
}
