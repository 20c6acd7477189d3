/// The settings of a GGUF model's architecture, which remember what was asked for: what a family does not ask for must not
/// matter (`checkUnasked`).
///
/// - Source: ggml-org/llama.cpp, `src/llama-arch.cpp` (keys), `src/llama-model.cpp` (defaults).
final class GGUFSettings {
  /// The family of the architecture.
  let family: ModelFamily
  let architecture: String
  let model: ModelFile
  private let values: [String: GGUFValue]
  private var asked: Set<String> = []

  /// Tensors that are read as settings: divisors of the rotary frequencies, for all texts, or for short and long ones.
  static let tensors: Set<String> = [divisorsName, shortName, longName]
  static let divisorsName = "rope_freqs.weight"
  static let shortName = "rope_factors_short.weight"
  static let longName = "rope_factors_long.weight"

  init(of model: ModelFile) throws {
    self.model = model
    let values = Dictionary(
      model.ggufMetadata.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    self.values = values
    let type = model.modelType
    let family = type.flatMap(ModelFamily.named)
    if let experts = model.experts, family?.knowsExperts != true {
      throw ConfigurationError.mixtureOfExperts(experts)
    }
    guard let type, let family, family.architectures.contains(type) else {
      throw ConfigurationError.unknownFamily(type)
    }
    architecture = type
    self.family = family
  }

  // MARK: Values

  func value(_ key: String) -> GGUFValue? {
    asked.insert(key)
    return values["\(architecture).\(key)"]
  }

  private func bad(_ key: String, _ value: GGUFValue, _ expected: String) -> ConfigurationError {
    .badSetting("\(architecture).\(key)", found: shown(value), expected: expected)
  }

  /// A whole number that may be missing.
  func optionalInteger(_ key: String) throws -> Int? {
    guard let value = value(key) else { return nil }
    if value.type == .array { throw unsupported(key, value) }
    guard let number = value.integer else { throw bad(key, value, "a whole number") }
    guard number.magnitude < 1 << 31 else { throw bad(key, value, "below 2147483648") }
    return number
  }

  /// A whole number that must be there.
  func integer(_ key: String) throws -> Int {
    guard let number = try optionalInteger(key) else {
      throw ConfigurationError.missingSetting("\(architecture).\(key)")
    }
    return number
  }

  /// A number that may be missing.
  func number(_ key: String) throws -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.number else { throw bad(key, value, "a number") }
    return number
  }

  /// A factor; 1 where the file does not say.
  func factor(_ key: String) throws -> Float { Float(try number(key) ?? 1) }

  /// A bound; none where the file does not say, or says 0.
  func cap(_ key: String) throws -> Float? { try number(key).flatMap { $0 == 0 ? nil : Float($0) } }

  /// A truth value that may be missing.
  func truth(_ key: String) throws -> Bool? {
    guard let value = value(key) else { return nil }
    guard let truth = value.truth else { throw bad(key, value, "true or false") }
    return truth
  }

  private func unsupported(_ key: String, _ value: GGUFValue) -> ConfigurationError {
    .unsupported(setting: "\(architecture).\(key)", value: shown(value))
  }

  private func shown(_ value: GGUFValue) -> String {
    if value.type == .array { return "a list of \(value.count)" }
    if let text = try? value.text() { return String(text.prefix(40)) }
    return value.truth.map { "\($0)" } ?? value.integer.map { "\($0)" } ?? value.number.map { "\($0)" } ?? "?"
  }

  // MARK: What most families say

  /// Reads the sizes and how norms are rounded.
  func readSizes(into c: inout NetworkConfiguration) throws {
    c.layerCount = try integer("block_count")
    c.windows = c.layers.map { _ in nil }
    c.width = try integer("embedding_length")
    c.feedForwardWidth = try integer("feed_forward_length")
    c.headCount = try integer("attention.head_count")
    c.keyValueHeadCount = try optionalInteger("attention.head_count_kv") ?? c.headCount
    c.headWidth = try optionalInteger("attention.key_length") ?? c.width / max(c.headCount, 1)
    if let length = try optionalInteger("attention.value_length"), length != c.headWidth {
      throw ConfigurationError.unsupported(
        setting: "\(architecture).attention.value_length", value: "\(length)")
    }
    c.positionCount = try integer("context_length")
    c.vocabularySize = try vocabularySize()
    let key = c.norm == .layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"
    c.normEpsilon = Float(try number(key) ?? 1e-5)
  }

  /// Reads a window that some layers have.
  ///
  /// - Parameter period: every layer of this number, counted from 1, sees everything where the file does not say which.
  /// - Returns: for each layer whether it is one of those with a window, even where they have none.
  @discardableResult
  func readSlidingLayers(into c: inout NetworkConfiguration, period: Int) throws -> [Bool] {
    let window = try optionalInteger("attention.sliding_window").flatMap { $0 > 0 ? $0 : nil }
    let slides = try slidingLayers(of: c, period: period)
    c.windows = slides.map { $0 ? window : nil }
    return slides
  }

  private func slidingLayers(of c: NetworkConfiguration, period: Int) throws -> [Bool] {
    let key = "attention.sliding_window_pattern"
    guard let found = value(key) else { return c.layers.map { period > 0 && ($0 + 1) % period != 0 } }
    guard found.type == .array else {
      guard let period = found.integer, period > 0 else {
        throw bad(key, found, "layers, or a number of them")
      }
      return c.layers.map { ($0 + 1) % period != 0 }
    }
    let layers = try found.elements(c.layers.count + 1)
    guard layers.count == c.layers.count else { throw unsupported(key, found) }
    return try layers.map { layer in
      if let truth = layer.truth { return truth }
      guard let number = layer.integer, [0, 1].contains(number) else {
        throw bad(key, found, "true or false")
      }
      return number == 1
    }
  }

  /// Reads a window that serves every layer.
  func readWindow(into c: inout NetworkConfiguration) throws {
    guard let window = try optionalInteger("attention.sliding_window"), window > 0 else { return }
    c.windows = c.layers.map { _ in window }
  }

  /// The rows of the token embedding: metadata may name more tokens than it has.
  private func vocabularySize() throws -> Int {
    let place = TensorPlace(.tokenEmbedding)
    guard let name = family.tensorName(of: place, in: model) else {
      let names = family.tensorNames(of: place, in: .gguf)
      throw ConfigurationError.missingTensor(names: names, near: model.names(near: names))
    }
    return try model.tensor(name).shape.first ?? 0
  }

  // MARK: What nobody asked for

  /// Refuses every setting of the architecture that the family did not ask for, unless it changes nothing.
  func checkUnasked(_ c: NetworkConfiguration) throws {
    for field in model.ggufMetadata where field.key.hasPrefix(architecture + ".") {
      let key = String(field.key.dropFirst(architecture.count + 1))
      if asked.contains(key) || SettingEffects.harmlessGGUF.contains(key) { continue }
      let (value, isNeutral) = (field.value, SettingEffects.gguf[key])
      let isOff = value.number == 0 || isNeutral == nil && value.truth == false
      guard isOff || isNeutral?(value, c) == true else { throw unsupported(key, value) }
    }
  }
}
