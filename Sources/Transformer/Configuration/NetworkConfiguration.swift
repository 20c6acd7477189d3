public import ModelFiles

/// The sizes and choices that make a network of a family.
public struct NetworkConfiguration: Equatable, Sendable {
  /// The family, which names the weights.
  public var family: ModelFamily
  /// Blocks.
  public var layerCount: Int
  /// Length of a hidden state.
  public var width: Int
  /// Length of a key, the input of a down-projection.
  public var feedForwardWidth: Int
  /// Attention heads.
  public var headCount: Int
  /// Heads that keys and values are computed for; each serves `headCount / keyValueHeadCount` queries.
  public var keyValueHeadCount: Int
  /// Length of a head's query, key or value.
  public var headWidth: Int
  /// Tokens.
  public var vocabularySize: Int
  /// Positions the model was made for; a limit only where positions are learned.
  public var positionCount: Int
  /// What is added to a variance before its root is taken.
  public var normEpsilon: Float
  /// Between the halves of an MLP.
  public var activation: Activation
  /// How a position is told.
  public var positions: Positions
  /// How many positions back attention reaches, by layer; `nil` for all.
  public var windows: [Int?]
  /// What attention and MLP read and how they are added.
  public var block: Block
  /// Whether the token embedding is also the head.
  public var isTied: Bool

  /// An activation function.
  public enum Activation: String, Sendable {
    case gelu
    case geluTanh
    case relu
    case silu
  }

  /// How a position enters.
  public enum Positions: Equatable, Sendable {
    /// An embedding added to the token's; the first `offset` rows stand for no position.
    case learned(offset: Int)
    /// Queries and keys are turned.
    case rotary(Rotary)
  }

  /// The order of a block's parts.
  public enum Block: Sendable {
    /// x + attention(norm x), then that + mlp(norm of that).
    case sequential
    /// x + attention(norm x) + mlp(the same norm x): GPT-J.
    case parallelSharedNorm
    /// x + attention(norm x) + mlp(another norm x): GPT-NeoX.
    case parallel
  }

  /// Whether norms subtract the mean and have a bias; else they divide by the root mean square only.
  public var usesLayerNorm: Bool { activation != .silu }
  /// Whether the MLP has a gate.
  public var isGated: Bool { activation == .silu }
  /// Length of all keys, or all values, of one position.
  var keyValueWidth: Int { keyValueHeadCount * headWidth }
  /// Length of all queries of one position.
  var queryWidth: Int { headCount * headWidth }

}

extension NetworkConfiguration {
  /// Reads what a model says of itself: `config.json` beside safetensors weights, or GGUF metadata.
  public init(of model: ModelFile) throws {
    switch model.format {
    case .gguf: try self.init(gguf: model)
    case .safetensors:
      try self.init(json: JSONValue(readingFile: Folder.path(model.folder, "config.json")))
    }
    try validate()
  }

  /// Sizes that every loop relies on.
  private func validate() throws {
    for (name, value, limit) in [
      ("layers", layerCount, 1000), ("width", width, 1 << 20),
      ("feed-forward width", feedForwardWidth, 1 << 22),
      ("heads", headCount, 1 << 12), ("key-value heads", keyValueHeadCount, headCount),
      ("head width", headWidth, 1 << 14), ("vocabulary", vocabularySize, 1 << 24),
    ] where value < 1 || value > limit {
      throw NetworkError.badSetting(name, found: "\(value)", expected: "1 to \(limit)")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw NetworkError.badSetting(
        "key-value heads", found: "\(keyValueHeadCount)", expected: "a divisor of \(headCount) heads")
    }
    if case .rotary(let rotary) = positions {
      guard rotary.dimensions > 0, rotary.dimensions <= headWidth, rotary.dimensions % 2 == 0 else {
        throw NetworkError.badSetting(
          "rotary dimensions", found: "\(rotary.dimensions)", expected: "an even number up to \(headWidth)")
      }
      guard rotary.base > 0, rotary.base.isFinite else {
        throw NetworkError.badSetting("rotary base", found: "\(rotary.base)", expected: "above 0")
      }
    }
    guard normEpsilon >= 0, normEpsilon.isFinite else {
      throw NetworkError.badSetting("norm epsilon", found: "\(normEpsilon)", expected: "0 or above")
    }
    for case let window? in windows where window < 1 {
      throw NetworkError.badSetting("sliding window", found: "\(window)", expected: "1 or above")
    }
  }
}

extension NetworkConfiguration {
  /// Refuses the number of a token that the network does not have.
  func check(_ token: some BinaryInteger) throws(NetworkError) {
    guard token >= 0, token < vocabularySize else {
      throw .unknownToken(Int(clamping: token), vocabularySize: vocabularySize)
    }
  }
}
