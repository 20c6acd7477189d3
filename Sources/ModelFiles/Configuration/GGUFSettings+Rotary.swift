/// Rotary positions: settings, and tensors of divisors.
///
/// - Source: ggml-org/llama.cpp, `src/llama-model.cpp`, `src/llama-context.cpp` (how YaRN's factors come together).
extension GGUFSettings {
  /// Reads the turning of every layer.
  func readRotary(into c: inout NetworkConfiguration) throws {
    c.turn(by: try rotary(of: c))
  }

  /// The turning that the file describes. Rows that the converter put into pairs are turned as neighbors.
  func rotary(of c: NetworkConfiguration, defaultBase: Double = 10_000) throws -> Rotary {
    var rotary = Rotary(
      dimensions: try optionalInteger("rope.dimension_count") ?? c.headWidth,
      base: try number("rope.freq_base") ?? defaultBase,
      isInterleaved: c.turnsNeighbors || family.ggufRowOrder(of: .query) == .rotaryPairs)
    let factor = try number("rope.scaling.factor")
    let original = try optionalInteger("rope.scaling.original_context_length") ?? c.positionCount
    switch try value("rope.scaling.type")?.text() ?? "none" {
    case "none", "longrope": break
    case "linear": if let factor, factor > 0 { rotary.scaling = .linear(factor: factor) }
    case "yarn":
      guard let factor else { throw ConfigurationError.missingSetting("\(architecture).rope.scaling.factor") }
      var yarn = Rotary.YaRN(factor: factor, originalPositions: Double(original))
      yarn.fast = try number("rope.scaling.yarn_beta_fast") ?? yarn.fast
      yarn.slow = try number("rope.scaling.yarn_beta_slow") ?? yarn.slow
      rotary.scaling = .yarn(yarn)
      let weight = try number("rope.scaling.yarn_log_multiplier") ?? 0
      rotary.magnitude = Rotary.YaRN.magnitude(factor)
      if weight != 0 { rotary.magnitude /= Rotary.YaRN.magnitude(factor, weight: weight) }
    case let other:
      throw ConfigurationError.unsupported(setting: "\(architecture).rope.scaling.type", value: other)
    }
    let pairs = rotary.dimensions / 2
    if let divisors = try divisors(Self.divisorsName, count: pairs) { rotary.scaling = .divisors(divisors) }
    let short = try divisors(Self.shortName, count: pairs)
    let long = try divisors(Self.longName, count: pairs)
    if let short, let long {
      rotary.scaling = .longrope(
        short: short.map(Double.init), long: long.map(Double.init), originalPositions: original)
    } else if short != nil || long != nil {
      throw ConfigurationError.missingTensor(names: [short == nil ? Self.shortName : Self.longName], near: [])
    }
    if rotary.scaling != .none, let more = try number("rope.scaling.attn_factor") { rotary.magnitude *= more }
    return rotary
  }

  private func divisors(_ name: String, count: Int) throws -> [Float]? {
    guard model.contains(name) else { return nil }
    let tensor = try model.tensor(name)
    guard tensor.elementType == .f32, tensor.shape == [count] else {
      throw ModelFileError(
        .shapeMismatch(expected: [count], found: tensor.shape), file: model.path, tensor: name)
    }
    let divisors = tensor.elementType.decoded(
      try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
    if let index = divisors.firstIndex(where: { !($0.isFinite && $0 > 0) }) {
      throw ModelFileError(.notFinite(index: index), file: model.path, tensor: name)
    }
    return divisors
  }
}
