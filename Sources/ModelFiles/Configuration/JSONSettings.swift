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
  var asked: Set<String> = []

  /// The objects that hold rotary settings, the newer first; older files keep some of them beside the rest.
  static let rotaryObjects = ["rope_parameters", "rope_scaling"]

  /// Those of a model folder; of the language model in it, where it is one part of several.
  init(of model: ModelFile) throws {
    let whole = try JSONValue(readingFile: Folder.path(model.folder, "config.json"))
    json = ModelFamily.languageModel(in: whole)
    let type = json["model_type"]?.text
    let family = type.flatMap(ModelFamily.named)
    if let experts = ModelFile.experts(in: json), family?.knowsExperts != true {
      throw ConfigurationError.mixtureOfExperts(experts)
    }
    guard let type, let family, family.types.contains(type) else {
      throw ConfigurationError.unknownFamily(type)
    }
    self.type = type
    self.family = family
  }

  // MARK: Values

  /// The first of some keys that is there and not null.
  func value(_ keys: [String]) -> (key: String, value: JSONValue)? {
    asked.formUnion(keys)
    for key in keys { if let value = json[key], value != .null { return (key, value) } }
    return nil
  }

  func bad(_ key: String, _ value: JSONValue, _ expected: String) -> ConfigurationError {
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
  func integer(_ keys: [String], default value: Int? = nil) throws -> Int {
    guard let number = try optionalInteger(keys) ?? value else {
      throw ConfigurationError.missingSetting(keys[0])
    }
    return number
  }

  /// A number.
  func number(_ keys: String..., default value: Double) throws -> Double {
    guard let (key, found) = self.value(keys) else { return value }
    guard let number = found.number else { throw bad(key, found, "a number") }
    return number
  }

  /// A number that may be missing.
  func optionalNumber(_ key: String) throws -> Double? {
    guard let (key, found) = self.value([key]) else { return nil }
    guard let number = found.number else { throw bad(key, found, "a number") }
    return number
  }

  /// A factor; the family's own where it is missing.
  func factor(_ key: String, default value: Float = 1) throws -> Float {
    Float(try number(key, default: Double(value)))
  }

  /// A bound; none where it is null, the family's own where it is missing.
  func cap(_ key: String, default value: Float? = nil) throws -> Float? {
    if json[key] == nil { return value }
    return try optionalNumber(key).map { Float($0) }
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
    /// Sizes that files of the family leave out, where they are these.
    var defaults: [String: Int] = [:]

    /// GPT-2's names, and the newer ones that transformers maps to them.
    static let gpt2 = SizeKeys(
      layers: ["n_layer", "num_hidden_layers"], width: ["n_embd", "hidden_size"], feedForward: ["n_inner"],
      heads: ["n_head", "num_attention_heads"], positions: ["n_positions", "max_position_embeddings"],
      feedForwardWidths: 4)
  }

  /// Reads the sizes; every head is `width / heads` long and has keys of its own.
  func readSizes(into c: inout NetworkConfiguration, _ keys: SizeKeys = SizeKeys()) throws {
    func size(_ names: [String]) throws -> Int { try integer(names, default: keys.defaults[names[0]]) }
    c.layerCount = try size(keys.layers)
    c.windows = c.layers.map { _ in nil }
    c.width = try size(keys.width)
    c.feedForwardWidth =
      if let widths = keys.feedForwardWidths {
        try optionalInteger(keys.feedForward) ?? widths * c.width
      } else {
        try size(keys.feedForward)
      }
    c.headCount = try size(keys.heads)
    c.keyValueHeadCount = c.headCount
    c.headWidth = c.width / max(c.headCount, 1)
    c.vocabularySize = try size(["vocab_size"])
    c.positionCount =
      if let positions = keys.defaultPositions {
        try optionalInteger(keys.positions) ?? positions
      } else {
        try integer(keys.positions)
      }
  }

  /// Reads what Llama's descendants say alike: sizes with heads of their own width, fewer heads of keys, RMS norms, rotary
  /// positions, and a head of its own unless told otherwise.
  ///
  /// - Parameters:
  ///   - defaults: of settings that files leave out, where these are the family's own.
  ///   - turns: whether positions are read, too; families whose layers turn differently do that themselves.
  func readLlamaLike(
    into c: inout NetworkConfiguration, _ defaults: LlamaDefaults = LlamaDefaults(), turns: Bool = true
  ) throws {
    try readSizes(into: &c, SizeKeys(defaultPositions: defaults.positions, defaults: defaults.sizes))
    c.headWidth = try optionalInteger("head_dim") ?? defaults.headWidth ?? c.headWidth
    c.keyValueHeadCount =
      try optionalInteger("num_key_value_heads") ?? defaults.keyValueHeads ?? c.headCount
    c.normEpsilon = Float(try number(defaults.epsilonKey, default: defaults.epsilon))
    c.activation = try activation(defaults.activationKey, default: c.activation)
    if turns {
      let share = try rotaryShare(default: defaults.rotaryShare)
      c.turn(
        by: try rotary(
          dimensions: Int(Double(c.headWidth) * share), bases: "rope_theta", defaultBase: defaults.base))
    }
    c.isTied = try flag("tie_word_embeddings", default: defaults.isTied)
  }

  /// What Llama's descendants do not say where it is these.
  struct LlamaDefaults {
    var headWidth: Int?
    var keyValueHeads: Int?
    var positions = 2048
    var sizes: [String: Int] = [:]
    var epsilonKey = "rms_norm_eps"
    var epsilon = 1e-6
    var activationKey = "hidden_act"
    var base = 10_000.0
    /// Of a head, the part that is turned; `nil` where all of it is, whatever the file says of a part.
    var rotaryShare: Double?
    var isTied = false
  }

  /// Reads a flag that gives weights a bias or none.
  func readBiases(
    _ key: String, default value: Bool, of roles: [TensorRole], into c: inout NetworkConfiguration
  ) throws {
    let flag = try flag(key, default: value)
    for role in roles { c.biases[role] = flag }
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
    for object in Self.rotaryObjects { try checkUnaskedRotary(json[object], object, c) }
  }

  private func checkUnaskedRotary(
    _ object: JSONValue?, _ path: String, _ c: NetworkConfiguration
  ) throws {
    for member in object?.members ?? [] {
      let own = path + "." + member.key
      if asked.contains(own) {
        // A turning for one kind of layer.
        try checkUnaskedRotary(member.value, own, c)
        continue
      }
      let isNeutral = SettingEffects.rotary[member.key]?(member.value, c) ?? (member.value.members == nil)
      guard isNeutral || member.value == .null else {
        throw ConfigurationError.unsupported(setting: own, value: shown(member.value))
      }
    }
  }

  func shown(_ value: JSONValue) -> String { value.text ?? String(value.compactText.prefix(40)) }
}
