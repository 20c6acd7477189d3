/// Tokens that may follow others.
public struct Continuation: Hashable, Sendable {
  /// What comes before; at least one token.
  public let prompt: [Int32]
  /// What is to follow; at least one token.
  public let target: [Int32]

  /// Joins the two. From text, `PromptEncoder` makes them; a network refuses tokens that it does not have.
  public init(prompt: [Int32], target: [Int32]) {
    precondition(!prompt.isEmpty && !target.isEmpty, "a continuation follows something and is something")
    self.prompt = prompt
    self.target = target
  }
}

/// How a network likes a continuation, token by token, each given those before it.
public struct ContinuationScore: Equatable, Sendable {
  /// log p of each token of the target.
  public internal(set) var logProbabilities: [Float]
  /// The most probable token in each place.
  public internal(set) var mostProbable: [Int32]

  /// Σ log p.
  public var sum: Double { logProbabilities.reduce(0) { $0 + Double($1) } }
  /// The mean of log p; its exponential is the geometric mean of the tokens' probabilities.
  public var meanLogProbability: Double { sum / Double(logProbabilities.count) }
  /// Whether the network's logits were numbers: log p is one, or −∞ for what cannot be.
  public var isNumber: Bool { logProbabilities.allSatisfy { $0 < .infinity } }
}
