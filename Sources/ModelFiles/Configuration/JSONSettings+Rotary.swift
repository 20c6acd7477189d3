internal import Glibc

/// Rotary positions: settings of their own, in an object that newer files may divide by kind of layer.
///
/// - Source: transformers, `modeling_rope_utils.py`.
extension JSONSettings {
  /// The parts of the objects that speak for a kind of layer, the newer object first.
  ///
  /// - Parameters:
  ///   - kind: `nil` where all layers turn alike.
  ///   - takesAll: whether what is said for all layers is meant for this kind.
  private func rotaryParts(_ kind: String?, takesAll: Bool = true) -> [(path: String, value: JSONValue)] {
    var parts: [(path: String, value: JSONValue)] = []
    for object in Self.rotaryObjects {
      guard let value = json[object], value != .null else { continue }
      if let kind, let part = value[kind], part.members != nil {
        asked.insert(object + "." + kind)
        parts.append((object + "." + kind, part))
      } else if takesAll {
        parts.append((object, value))
      }
    }
    return parts
  }

  /// A setting of the rotary positions, with the object that holds it.
  private func rotaryValue(
    _ key: String, in parts: [(path: String, value: JSONValue)]
  ) -> (path: String, value: JSONValue)? {
    asked.formUnion(parts.map { $0.path + "." + key })
    for (path, part) in parts {
      if let value = part[key], value != .null { return (path + "." + key, value) }
    }
    return nil
  }

  private func rotaryNumber(_ key: String, in parts: [(path: String, value: JSONValue)]) throws -> Double? {
    guard let (path, value) = rotaryValue(key, in: parts) else { return nil }
    guard let number = value.number else { throw bad(path, value, "a number") }
    return number
  }

  /// A number among the settings of all layers' rotary positions.
  func rotaryNumber(_ key: String) throws -> Double? { try rotaryNumber(key, in: rotaryParts(nil)) }

  /// The part of each head that is turned.
  ///
  /// - Parameter value: where nothing is said; `nil` for families that turn all and know no such setting.
  func rotaryShare(_ keys: String..., default value: Double?) throws -> Double {
    guard let value else { return 1 }
    let names = keys + ["partial_rotary_factor"]
    let newer = try rotaryNumber("partial_rotary_factor")
    let share: Double
    if let (key, found) = self.value(names) {
      guard let number = found.number else { throw bad(key, found, "a number") }
      share = number
    } else {
      share = newer ?? value
    }
    guard (0...1).contains(share) else {
      throw ConfigurationError.badSetting(names[0], found: "\(share)", expected: "0 to 1")
    }
    return share
  }

  /// The turning of a head's first entries.
  ///
  /// - Parameters:
  ///   - kind: of layer, as `layer_types` names it; `nil` where all turn alike.
  ///   - takesAll: whether settings that are not divided by kind are meant for this one.
  ///   - bases: where θ stands in files that keep it beside the rest.
  ///   - renamed: older names of ways to stretch.
  func rotary(
    dimensions: Int, kind: String? = nil, takesAll: Bool = true, bases: String...,
    defaultBase: Double = 10_000,
    renamed: [String: String] = [:]
  ) throws -> Rotary {
    asked.formUnion(Self.rotaryObjects + bases)
    let parts = rotaryParts(kind, takesAll: takesAll)
    var base = try rotaryNumber("rope_theta", in: parts)
    if base == nil, let (key, found) = value(bases) {
      guard let number = found.number else { throw bad(key, found, "a number") }
      base = number
    }
    var rotary = Rotary(
      dimensions: dimensions, base: base ?? defaultBase, isInterleaved: family.design.turnsNeighbors)
    func optional(_ key: String) throws -> Double? { try rotaryNumber(key, in: parts) }
    func setting(_ key: String) throws -> Double {
      guard let value = try optional(key), value > 0 else {
        throw ConfigurationError.missingSetting("rope_scaling.\(key)")
      }
      return value
    }
    func original() throws -> Double {
      let key = "original_max_position_embeddings"
      let outer = try optionalInteger(key)
      let count = try optional(key) ?? outer.map(Double.init)
      guard let count = try count ?? optionalInteger("max_position_embeddings").map(Double.init), count >= 1
      else { throw ConfigurationError.missingSetting("rope_scaling.\(key)") }
      return count
    }
    /// s; where it is null, how many times the positions are those of before.
    func stretch() throws -> Double {
      if let factor = try optional("factor") { return factor }
      let count = try optionalInteger("max_position_embeddings").map(Double.init)
      guard let count else { throw ConfigurationError.missingSetting("rope_scaling.factor") }
      return count / (try original())
    }
    let type = (rotaryValue("rope_type", in: parts) ?? rotaryValue("type", in: parts))?.value.text
    let named = type ?? "default"
    switch renamed[named] ?? named {
    case "default": break
    case "linear": rotary.scaling = .linear(factor: try setting("factor"))
    case "llama3":
      rotary.scaling = .llama3(
        factor: try setting("factor"), lowFrequency: try setting("low_freq_factor"),
        highFrequency: try setting("high_freq_factor"),
        originalPositions: try setting("original_max_position_embeddings"))
    case "yarn":
      var yarn = Rotary.YaRN(factor: try stretch(), originalPositions: try original())
      yarn.fast = try optional("beta_fast") ?? yarn.fast
      yarn.slow = try optional("beta_slow") ?? yarn.slow
      if let (path, value) = rotaryValue("truncate", in: parts) {
        guard case .bool(let flag) = value else { throw bad(path, value, "true or false") }
        yarn.isRounded = flag
      }
      rotary.scaling = .yarn(yarn)
      let given = try optional("attention_factor")
      let (weight, all) = (try optional("mscale") ?? 0, try optional("mscale_all_dim") ?? 0)
      let two =
        weight != 0 && all != 0
        ? Rotary.YaRN.magnitude(yarn.factor, weight: weight) / Rotary.YaRN.magnitude(yarn.factor, weight: all)
        : nil
      rotary.magnitude = given ?? two ?? Rotary.YaRN.magnitude(yarn.factor)
    case "longrope":
      func divisors(_ key: String) throws -> [Double] {
        guard let (path, value) = rotaryValue(key, in: parts) else {
          throw ConfigurationError.missingSetting("rope_scaling.\(key)")
        }
        guard let numbers = value.elements?.compactMap(\.number), numbers.count == value.elements?.count
        else {
          throw bad(path, value, "a list of numbers")
        }
        return numbers
      }
      let (count, factor) = (try original(), try stretch())
      rotary.scaling = .longrope(
        short: try divisors("short_factor"), long: try divisors("long_factor"), originalPositions: Int(count))
      rotary.magnitude =
        try optional("attention_factor") ?? (factor > 1 ? (1 + log(factor) / log(count)).squareRoot() : 1)
    default: throw ConfigurationError.unsupported(setting: "rope_scaling.rope_type", value: named)
    }
    return rotary
  }
}
