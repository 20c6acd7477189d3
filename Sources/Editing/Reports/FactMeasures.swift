internal import Glibc
public import Transformer

/// What a network says of a fact.
public struct FactMeasure: Sendable {
  /// Geometric mean of the probabilities of the target's tokens, after the bare prompt.
  public let probability: Double
  /// Whether each token of the target is the most probable one.
  public let isSaid: Bool
  /// The same for the former target, where one is known.
  public let formerProbability: Double?
  /// For each neighbor prompt, the most probable next token.
  let neighborTokens: [Int32]
}

/// Asks a network about facts, before and after an edit.
struct FactMeasures {
  private let items: [Continuation]
  private let places: [(target: Int, former: Int?, neighbors: Range<Int>)]

  /// Neighbors of one fact that are looked at.
  private static let neighborLimit = 5

  init(_ facts: [FactRecord], prompts: [FactPrompt], tokenizer: Tokenizer) {
    var items: [Continuation] = []
    var places: [(Int, Int?, Range<Int>)] = []
    for (record, prompt) in zip(facts, prompts) {
      let text = prompt.texts[0].tokens
      let target = items.count
      items.append(Continuation(prompt: text, target: prompt.target))
      var former: Int?
      if let formerTarget = record.fact.formerTarget,
        let tokens = tokenizer.continuation(of: record.fact.filledPrompt, with: formerTarget)
      {
        former = items.count
        items.append(tokens)
      }
      let first = items.count
      for probe in record.neighbors.prefix(Self.neighborLimit) {
        // The target is only there to be scored; what counts is the most probable token.
        items.append(Continuation(prompt: tokenizer.encodePrompt(probe.prompt).tokens, target: [0]))
      }
      places.append((target, former, first..<items.count))
    }
    self.items = items
    self.places = places
  }

  func measure(_ network: Network) throws -> [FactMeasure] {
    let scores = try network.score(items)
    return places.map { place in
      let score = scores[place.target]
      return FactMeasure(
        probability: exp(score.meanLogProbability), isSaid: score.mostProbable == items[place.target].target,
        formerProbability: place.former.map { exp(scores[$0].meanLogProbability) },
        neighborTokens: place.neighbors.map { scores[$0].mostProbable[0] })
    }
  }
}

extension Tokenizer {
  /// A text and what follows it, as tokens; `nil` where the two cannot be told apart.
  public func continuation(of prompt: String, with text: String) -> Continuation? {
    let head = encodePrompt(prompt).tokens
    let whole = encodePrompt(prompt + " " + text).tokens
    let common = zip(head, whole).prefix { $0 == $1 }.count
    guard common > 0, common < whole.count else { return nil }
    return Continuation(prompt: Array(whole[..<common]), target: Array(whole[common...]))
  }
}
