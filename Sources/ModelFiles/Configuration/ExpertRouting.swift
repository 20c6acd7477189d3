/// How a position chooses among the experts of a layer, and what each gives to the sum.
///
/// With p = softmax(router · x) over all experts, the `chosen` experts of the largest p take part, with weight p, or p over the sum of
/// the chosen ones' where it is `renormalized`.
public struct ExpertRouting: Equatable, Sendable {
  /// Experts of a layer.
  public var count: Int
  /// How many of them a position goes through.
  public var chosen: Int
  /// Length of an expert's key.
  public var width: Int
  /// Whether the weights of those chosen add up to 1.
  public var renormalizes: Bool
  /// For each layer whether it has experts; others have one MLP.
  public var layers: [Bool]

  func validate(layerCount: Int) throws {
    for (name, value, limit) in [
      ("experts", count, 1 << 12), ("experts of a position", chosen, count), ("expert width", width, 1 << 20),
    ] where value < 1 || value > limit {
      throw ConfigurationError.badSetting(name, found: "\(value)", expected: "1 to \(limit)")
    }
    precondition(layers.count == layerCount, "a choice for each layer")
  }
}

extension JSONSettings {
  /// Reads how positions choose among experts.
  ///
  /// - Parameters:
  ///   - width: length of an expert's key.
  ///   - defaults: experts and how many are chosen, where the file does not say.
  func experts(
    of c: NetworkConfiguration, width: Int, renormalizes: Bool,
    defaults: (count: Int, chosen: Int)
  ) throws -> ExpertRouting {
    ExpertRouting(
      // transformers 5 writes the other name than the published files have.
      count: try optionalInteger("num_experts", "num_local_experts") ?? defaults.count,
      chosen: try optionalInteger("num_experts_per_tok") ?? defaults.chosen, width: width,
      renormalizes: renormalizes, layers: c.layers.map { _ in true })
  }

  /// Layers that have experts: every so many, but those that are listed.
  func sparseLayers(of c: NetworkConfiguration) throws -> [Bool] {
    let step = try optionalInteger("decoder_sparse_step") ?? 1
    guard step > 0 else {
      throw ConfigurationError.badSetting("decoder_sparse_step", found: "\(step)", expected: "1 or above")
    }
    var dense: [Int] = []
    if let (key, found) = value(["mlp_only_layers"]) {
      guard let layers = found.elements?.map(\.integer), !layers.contains(nil) else {
        throw bad(key, found, "numbers of layers")
      }
      dense = layers.compactMap { $0 }
    }
    return c.layers.map { !dense.contains($0) && ($0 + 1) % step == 0 }
  }
}

extension GGUFSettings {
  /// Reads how positions choose among experts; `nil` for a file without.
  ///
  /// - Parameter renormalizes: what llama.cpp does for the architecture; a file that says otherwise is refused.
  func experts(of c: NetworkConfiguration, renormalizes: Bool) throws -> ExpertRouting? {
    guard let count = try optionalInteger("expert_count"), count > 0 else { return nil }
    // 1 is a softmax over all.
    if let gating = try optionalInteger("expert_gating_func"), gating > 1 {
      throw ConfigurationError.unsupported(
        setting: "\(architecture).expert_gating_func", value: "\(gating)")
    }
    if let norm = try truth("expert_weights_norm"), norm != renormalizes {
      throw ConfigurationError.unsupported(setting: "\(architecture).expert_weights_norm", value: "\(norm)")
    }
    return ExpertRouting(
      count: count, chosen: try integer("expert_used_count"),
      width: try optionalInteger("expert_feed_forward_length") ?? c.feedForwardWidth,
      renormalizes: renormalizes, layers: c.layers.map { _ in true })
  }
}
