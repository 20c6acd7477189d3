/// The sizes and choices that make a network of a family.
@dynamicMemberLookup
public struct NetworkConfiguration: Equatable, Sendable {
  /// The family, which names the weights.
  public let family: ModelFamily
  /// The family's choices, as far as the model does not make its own.
  public var design: NetworkDesign
  /// Blocks.
  public var layerCount = 0
  /// Length of a hidden state.
  public var width = 0
  /// Length of a key, the input of a down-projection.
  public var feedForwardWidth = 0
  /// Attention heads.
  public var headCount = 0
  /// Heads that keys and values are computed for; each serves `headCount / keyValueHeadCount` queries.
  public var keyValueHeadCount = 0
  /// Length of a head's query, key or value.
  public var headWidth = 0
  /// Tokens.
  public var vocabularySize = 0
  /// Positions the model was made for; a limit only where positions are learned.
  public var positionCount = 0
  /// What is added to a variance before its root is taken.
  public var normEpsilon: Float = 1e-5
  /// How a position is told.
  public var positions = Positions.learned(offset: 0)
  /// How many positions back attention reaches, by layer; `nil` for all.
  public var windows: [Int?] = []
  /// Whether the token embedding is also the head.
  public var isTied = false
  /// How positions choose among experts, in networks that have them.
  public var experts: ExpertRouting?

  /// How a position enters.
  public enum Positions: Equatable, Sendable {
    /// An embedding added to the token's; the first `offset` rows stand for no position.
    case learned(offset: Int)
    /// Queries and keys are turned; by layer, `nil` for one where they are not.
    case rotary([Rotary?])
  }

  /// A network of a family whose sizes are still to be read.
  init(_ family: ModelFamily) {
    self.family = family
    design = family.design
  }

  /// A choice of the design.
  public subscript<Choice>(dynamicMember choice: WritableKeyPath<NetworkDesign, Choice>) -> Choice {
    get { design[keyPath: choice] }
    set { design[keyPath: choice] = newValue }
  }

  /// Length of all keys, or all values, of one position.
  public var keyValueWidth: Int { keyValueHeadCount * headWidth }
  /// Length of all queries of one position.
  public var queryWidth: Int { headCount * headWidth }
  /// Blocks, or nothing sensible before their number was checked.
  var layers: Range<Int> { 0..<min(max(layerCount, 0), Self.layerLimit) }

  /// Whether what a down-projection or attention gives is added to the residual stream as it is, without a norm or a factor
  /// between: then a change wanted of the stream is one of the weight's output.
  public var addsOutputsAsTheyAre: Bool { !design.normPlaces.hasAfter && design.factors.residual == 1 }

  /// The same turning in every layer.
  mutating func turn(by rotary: Rotary) { positions = .rotary(layers.map { _ in rotary }) }

  /// Takes the turning away from some layers.
  ///
  /// - Parameter turns: for each layer whether it keeps it.
  mutating func turn(where turns: [Bool]) {
    guard case .rotary(let layers) = positions else { return }
    positions = .rotary(zip(layers, turns).map { $1 ? $0 : nil })
  }

  private static let layerLimit = 1000
  private static let positionLimit = 1 << 26
}

extension NetworkConfiguration {
  /// Reads what a model says of itself: `config.json` beside safetensors weights, or GGUF metadata.
  ///
  /// Everything that would change the network is read or refused by name: a setting that the family does not ask for must have
  /// the value that changes nothing, and every tensor of a block must have its place.
  ///
  /// - Throws: `ConfigurationError`.
  public init(of model: ModelFile) throws {
    let packing = try WeightPacking(of: model)
    switch model.format {
    case .gguf: try self.init(gguf: model)
    case .safetensors: try self.init(json: model)
    }
    try validate()
    try checkTensors(of: model, packing)
  }

  private init(json model: ModelFile) throws {
    let settings = try JSONSettings(of: model)
    self.init(settings.family)
    try family.json(&self, settings)
    if experts == nil, let found = model.experts { throw ConfigurationError.mixtureOfExperts(found) }
    isTied = try isTied && model.hasOneEmbedding(of: family)
    try settings.checkUnasked(self)
  }

  private init(gguf model: ModelFile) throws {
    let settings = try GGUFSettings(of: model)
    self.init(settings.family)
    if case .rms = self.norm { self.norm = .rms() }
    try family.gguf(&self, settings)
    if experts == nil, let found = model.experts { throw ConfigurationError.mixtureOfExperts(found) }
    isTied = family.tensorName(of: TensorPlace(.head), in: model) == nil
    try settings.checkUnasked(self)
  }

  /// Sizes that every loop relies on.
  private func validate() throws {
    for (name, value, limit) in [
      ("layers", layerCount, Self.layerLimit), ("width", width, 1 << 20),
      ("feed-forward width", feedForwardWidth, 1 << 22),
      ("heads", headCount, 1 << 12), ("key-value heads", keyValueHeadCount, headCount),
      ("head width", headWidth, 1 << 14), ("vocabulary", vocabularySize, 1 << 24),
      ("positions", positionCount, Self.positionLimit),
    ] where value < 1 || value > limit {
      throw ConfigurationError.badSetting(name, found: "\(value)", expected: "1 to \(limit)")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw ConfigurationError.badSetting(
        "key-value heads", found: "\(keyValueHeadCount)", expected: "a divisor of \(headCount) heads")
    }
    if case .rotary(let layers) = positions { for case let rotary? in layers { try validate(rotary) } }
    try self.factors.validate()
    try experts?.validate(layerCount: layerCount)
    guard addsOutputsAsTheyAre || self.block == .sequential else {
      // Values are found before the norm, PMET's second offset between attention and MLP: only this order has both.
      throw ConfigurationError.badSetting("block", found: "parallel", expected: "one part after the other")
    }
    guard normEpsilon >= 0, normEpsilon.isFinite else {
      throw ConfigurationError.badSetting("norm epsilon", found: "\(normEpsilon)", expected: "0 or above")
    }
    for case let window? in windows where window < 1 {
      throw ConfigurationError.badSetting("sliding window", found: "\(window)", expected: "1 or above")
    }
  }

  private func validate(_ rotary: Rotary) throws {
    guard rotary.dimensions > 0, rotary.dimensions <= headWidth, rotary.dimensions % 2 == 0 else {
      throw ConfigurationError.badSetting(
        "rotary dimensions", found: "\(rotary.dimensions)", expected: "an even number up to \(headWidth)")
    }
    guard rotary.magnitude > 0, rotary.magnitude < 1e6 else {
      throw ConfigurationError.badSetting("rotary factor", found: "\(rotary.magnitude)", expected: "above 0")
    }
    if case .longrope(let short, let long, _) = rotary.scaling {
      for factors in [short, long] {
        guard factors.count == rotary.dimensions / 2, factors.allSatisfy({ $0 > 0 && $0 < 1e30 }) else {
          throw ConfigurationError.badSetting(
            "longrope factors", found: "\(factors.count)",
            expected: "\(rotary.dimensions / 2) numbers above 0")
        }
      }
    }
    if case .yarn(let yarn) = rotary.scaling {
      let numbers = [yarn.factor, yarn.fast, yarn.slow, yarn.originalPositions]
      guard numbers.allSatisfy({ $0 > 0 && $0 < 1e9 }), rotary.base != 1 else {
        throw ConfigurationError.badSetting(
          "yarn", found: numbers.map { "\($0)" }.joined(separator: ", "), expected: "numbers above 0")
      }
    }
    guard rotary.base > 0, rotary.base.isFinite else {
      throw ConfigurationError.badSetting("rotary base", found: "\(rotary.base)", expected: "above 0")
    }
  }
}
