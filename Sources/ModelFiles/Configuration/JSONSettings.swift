/// The settings of a Hugging Face `config.json`, which remember what was asked for: what a family does not ask for must not
/// matter (`checkUnasked`).
///
/// - Source: transformers, `models/*/configuration_*.py`; defaults where the key is missing are theirs.
final class JSONSettings {
  /// The family of `type`.
  let family: ModelFamily
  /// `model_type`, one of the family's.
  let type: String
  let json: JSONValue
  private var asked: Set<String> = []

  /// The objects that hold rotary settings, the newer first; older files keep some of them beside the rest.
  static let rotaryObjects = ["rope_parameters", "rope_scaling"]

  /// Those of a model folder; of the language model in it, where it is one part of several.
  init(of model: ModelFile) throws {
    let whole = try JSONValue(readingFile: Folder.path(model.folder, "config.json"))
    json = ModelFamily.languageModel(in: whole)
    let type = json["model_type"]?.text
    if let experts = ModelFile.experts(in: json) { throw ConfigurationError.mixtureOfExperts(experts) }
    guard let type, let family = ModelFamily.named(type), family.types.contains(type) else {
      throw ConfigurationError.unknownFamily(type)
    }
    self.type = type
    self.family = family
  }

  // MARK: Values

  /// The first of some keys that is there and not null.
  private func value(_ keys: [String]) -> (key: String, value: JSONValue)? {
    asked.formUnion(keys)
    for key in keys { if let value = json[key], value != .null { return (key, value) } }
    return nil
  }

  private func bad(_ key: String, _ value: JSONValue, _ expected: String) -> ConfigurationError {
    .badSetting(key, found: String(value.compactText.prefix(40)), expected: expected)
  }

  /// A whole number that may be missing.
  func optionalInteger(_ keys: String...) throws -> Int? { try optionalInteger(keys) }

  private func optionalInteger(_ keys: [String]) throws -> Int? {
    guard let (key, value) = value(keys) else { return nil }
    guard let number = value.integer else { throw bad(key, value, "a whole number") }
    // Far above every limit, and small enough to be multiplied.
    guard number.magnitude < 1 << 31 else { throw bad(key, value, "below 2147483648") }
    return number
  }

  /// A whole number that must be there, under one of some names.
  func integer(_ keys: [String]) throws -> Int {
    guard let number = try optionalInteger(keys) else { throw ConfigurationError.missingSetting(keys[0]) }
    return number
  }

  /// A number.
  func number(_ keys: String..., default value: Double) throws -> Double {
    guard let (key, found) = self.value(keys) else { return value }
    guard let number = found.number else { throw bad(key, found, "a number") }
    return number
  }

  /// A truth value.
  func flag(_ key: String, default value: Bool) throws -> Bool {
    guard let (key, found) = self.value([key]) else { return value }
    guard case .bool(let flag) = found else { throw bad(key, found, "true or false") }
    return flag
  }

  /// Refuses a flag that would change the network in a way that is not there.
  func require(_ key: String, _ wanted: Bool, default value: Bool) throws {
    guard try flag(key, default: value) == wanted else {
      throw ConfigurationError.unsupported(setting: key, value: "\(!wanted)")
    }
  }

  /// An activation function.
  func activation(_ key: String, default activation: NetworkDesign.Activation) throws
    -> NetworkDesign
    .Activation
  {
    guard let (key, found) = value([key]) else { return activation }
    guard let name = found.text else { throw bad(key, found, "a name") }
    guard let activation = NetworkDesign.Activation(named: name) else {
      throw ConfigurationError.unsupported(setting: key, value: name)
    }
    return activation
  }

  /// Settings that change nothing in this family, whatever they say.
  func ignore(_ keys: String...) { asked.formUnion(keys) }

  // MARK: What most families say

  /// The names of the sizes.
  struct SizeKeys {
    var layers = ["num_hidden_layers"]
    var width = ["hidden_size"]
    var feedForward = ["intermediate_size"]
    var heads = ["num_attention_heads"]
    var positions = ["max_position_embeddings"]
    /// The feed-forward width where it is missing, in widths; `nil` where it must be there.
    var feedForwardWidths: Int?
    /// Positions where they are missing; `nil` where they must be there.
    var defaultPositions: Int?

    /// GPT-2's names, and the newer ones that transformers maps to them.
    static let gpt2 = SizeKeys(
      layers: ["n_layer", "num_hidden_layers"], width: ["n_embd", "hidden_size"], feedForward: ["n_inner"],
      heads: ["n_head", "num_attention_heads"], positions: ["n_positions", "max_position_embeddings"],
      feedForwardWidths: 4)
  }

  /// Reads the sizes; every head is `width / heads` long and has keys of its own.
  func readSizes(into c: inout NetworkConfiguration, _ keys: SizeKeys = SizeKeys()) throws {
    c.layerCount = try integer(keys.layers)
    c.windows = c.layers.map { _ in nil }
    c.width = try integer(keys.width)
    c.feedForwardWidth =
      if let widths = keys.feedForwardWidths {
        try optionalInteger(keys.feedForward) ?? widths * c.width
      } else {
        try integer(keys.feedForward)
      }
    c.headCount = try integer(keys.heads)
    c.keyValueHeadCount = c.headCount
    c.headWidth = c.width / max(c.headCount, 1)
    c.vocabularySize = try integer(["vocab_size"])
    c.positionCount =
      if let positions = keys.defaultPositions {
        try optionalInteger(keys.positions) ?? positions
      } else {
        try integer(keys.positions)
      }
  }

  /// Reads what Llama's descendants say alike: sizes with heads of their own width, fewer heads of keys, RMS norms, rotary
  /// positions, and a head of its own unless told otherwise.
  func readLlamaLike(into c: inout NetworkConfiguration, headWidth: Int? = nil) throws {
    try readSizes(into: &c, SizeKeys(defaultPositions: 2048))
    c.headWidth = try optionalInteger("head_dim") ?? headWidth ?? c.headWidth
    c.keyValueHeadCount = try optionalInteger("num_key_value_heads") ?? c.headCount
    c.normEpsilon = Float(try number("rms_norm_eps", default: 1e-6))
    c.activation = try activation("hidden_act", default: c.activation)
    c.turn(by: try rotary(dimensions: c.headWidth, bases: "rope_theta"))
    c.isTied = try flag("tie_word_embeddings", default: false)
  }

  /// Reads a flag that gives weights a bias or none.
  func readBiases(
    _ key: String, default value: Bool, of roles: [TensorRole], into c: inout NetworkConfiguration
  ) throws {
    let flag = try flag(key, default: value)
    for role in roles { c.biases[role] = flag }
  }

  /// Qwen's windows, which only the upper layers have, and only when they are switched on.
  func readUpperWindows(into c: inout NetworkConfiguration) throws {
    let isOn = try flag("use_sliding_window", default: false)
    let window = try optionalInteger("sliding_window")
    let first = try optionalInteger("max_window_layers") ?? 28
    let kinds = value(["layer_types"])?.value.elements
    guard isOn, let window else { return }
    if let kinds, kinds.count == c.windows.count {
      c.windows = kinds.map { $0.text == "sliding_attention" ? window : nil }
    } else {
      c.windows = c.layers.map { $0 >= first ? window : nil }
    }
  }

  // MARK: Rotary positions

  /// A setting of the rotary positions, with the object that holds it.
  func rotaryValue(_ key: String) -> (object: String, value: JSONValue)? {
    asked.formUnion(Self.rotaryObjects.map { $0 + "." + key })
    for object in Self.rotaryObjects {
      if let value = json[object]?[key], value != .null { return (object, value) }
    }
    return nil
  }

  /// A number among the rotary settings.
  func rotaryNumber(_ key: String) throws -> Double? {
    guard let (object, value) = rotaryValue(key) else { return nil }
    guard let number = value.number else { throw bad("\(object).\(key)", value, "a number") }
    return number
  }

  /// The turning of a head's first entries.
  ///
  /// - Parameter bases: where θ stands in files that keep it beside the rest.
  func rotary(dimensions: Int, bases: String..., defaultBase: Double = 10_000) throws -> Rotary {
    asked.formUnion(Self.rotaryObjects + bases)
    var base = try rotaryNumber("rope_theta")
    if base == nil, let (key, found) = value(bases) {
      guard let number = found.number else { throw bad(key, found, "a number") }
      base = number
    }
    var rotary = Rotary(
      dimensions: dimensions, base: base ?? defaultBase, isInterleaved: family.design.turnsNeighbors)
    func setting(_ key: String) throws -> Double {
      guard let value = try rotaryNumber(key), value > 0 else {
        throw ConfigurationError.missingSetting("rope_scaling.\(key)")
      }
      return value
    }
    switch (rotaryValue("rope_type") ?? rotaryValue("type"))?.value.text ?? "default" {
    case "default": break
    case "linear": rotary.scaling = .linear(factor: try setting("factor"))
    case "llama3":
      rotary.scaling = .llama3(
        factor: try setting("factor"), lowFrequency: try setting("low_freq_factor"),
        highFrequency: try setting("high_freq_factor"),
        originalPositions: try setting("original_max_position_embeddings"))
    case let kind: throw ConfigurationError.unsupported(setting: "rope_scaling.rope_type", value: kind)
    }
    return rotary
  }

  // MARK: What nobody asked for

  /// Refuses settings that other families know, that this one did not ask for, and that would change the network.
  func checkUnasked(_ c: NetworkConfiguration) throws {
    for member in json.members ?? [] where !asked.contains(member.key) {
      guard let isNeutral = SettingEffects.json[member.key], member.value != .null else { continue }
      if !isNeutral(member.value, c) {
        throw ConfigurationError.unsupported(setting: member.key, value: shown(member.value))
      }
    }
    for object in Self.rotaryObjects {
      for member in json[object]?.members ?? [] where !asked.contains(object + "." + member.key) {
        // An object of its own is a turning for one kind of layer.
        let isNeutral = SettingEffects.rotary[member.key]?(member.value, c) ?? (member.value.members == nil)
        guard isNeutral || member.value == .null else {
          throw ConfigurationError.unsupported(setting: "\(object).\(member.key)", value: shown(member.value))
        }
      }
    }
  }

  private func shown(_ value: JSONValue) -> String { value.text ?? String(value.compactText.prefix(40)) }
}
