/// The settings of a GGUF model's architecture, which remember what was asked for: what a family does not ask for must not
/// matter (`checkUnasked`).
///
/// - Source: ggml-org/llama.cpp, `src/llama-arch.cpp` (keys), `src/llama-model.cpp` (defaults).
final class GGUFSettings {
  /// The family of the architecture.
  let family: ModelFamily
  private let architecture: String
  private let model: ModelFile
  private let values: [String: GGUFValue]
  private var asked: Set<String> = []

  /// Tensors that are read as settings: divisors of the rotary frequencies.
  static let tensors: Set<String> = [divisorsName]
  private static let divisorsName = "rope_freqs.weight"

  init(of model: ModelFile) throws {
    self.model = model
    let values = Dictionary(
      model.ggufMetadata.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    self.values = values
    if let experts = model.experts { throw ConfigurationError.mixtureOfExperts(experts) }
    let type = model.modelType
    guard let type, let family = ModelFamily.named(type), family.architectures.contains(type) else {
      throw ConfigurationError.unknownFamily(type)
    }
    architecture = type
    self.family = family
  }

  // MARK: Values

  private func value(_ key: String) -> GGUFValue? {
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

  /// Reads a window that serves every layer.
  func readWindow(into c: inout NetworkConfiguration) throws {
    guard let window = try optionalInteger("attention.sliding_window"), window > 0 else { return }
    c.windows = c.layers.map { _ in window }
  }

  /// Reads the turning of every layer. Rows that the converter put into pairs are turned as neighbors.
  func readRotary(into c: inout NetworkConfiguration) throws {
    var rotary = Rotary(
      dimensions: try optionalInteger("rope.dimension_count") ?? c.headWidth,
      base: try number("rope.freq_base") ?? 10_000,
      isInterleaved: c.turnsNeighbors || family.ggufRowOrder(of: .query) == .rotaryPairs)
    let factor = try number("rope.scaling.factor")
    switch try value("rope.scaling.type")?.text() ?? "none" {
    case "none": break
    case "linear": if let factor, factor > 0 { rotary.scaling = .linear(factor: factor) }
    case let other:
      throw ConfigurationError.unsupported(setting: "\(architecture).rope.scaling.type", value: other)
    }
    if let divisors = try divisors(count: rotary.dimensions / 2) { rotary.scaling = .divisors(divisors) }
    c.turn(by: rotary)
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

  private func divisors(count: Int) throws -> [Float]? {
    guard model.contains(Self.divisorsName) else { return nil }
    let tensor = try model.tensor(Self.divisorsName)
    guard tensor.elementType == .f32, tensor.shape == [count] else {
      throw ModelFileError(
        .shapeMismatch(expected: [count], found: tensor.shape), file: model.path, tensor: Self.divisorsName)
    }
    let divisors = tensor.elementType.decoded(
      try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
    if let index = divisors.firstIndex(where: { !($0.isFinite && $0 > 0) }) {
      throw ModelFileError(.notFinite(index: index), file: model.path, tensor: Self.divisorsName)
    }
    return divisors
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
