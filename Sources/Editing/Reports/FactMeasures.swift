internal import Glibc
internal import Transformer

/// What a network says of a fact.
public struct FactMeasure: Sendable {
  /// Geometric mean of the probabilities of the target's tokens, after the bare prompt.
  public let probability: Double
  /// Whether each token of the target is the most probable one.
  public let isSaid: Bool
  /// The same for the former target, where one is known.
  public let formerProbability: Double?
  /// The same of the target in a chat, for facts that are to hold there too.
  public let chat: ChatMeasure?
  /// For each neighbor prompt, the most probable next token.
  let neighborTokens: [Int32]
}

/// What a network says of a fact in a chat.
public struct ChatMeasure: Sendable {
  /// Geometric mean of the probabilities of the target's tokens, where the assistant begins.
  public let probability: Double
  /// Whether each token of the target is the most probable one.
  public let isSaid: Bool
}

/// Asks a network about facts, before and after an edit.
struct FactMeasures {
  private let items: [Continuation]
  private let places: [(target: Int, former: Int?, chat: Int?, neighbors: Range<Int>)]

  /// Neighbors of one fact that are looked at.
  private static let neighborLimit = 5

  init(_ facts: [FactRecord], prompts: [FactPrompt], encoder: PromptEncoder) throws {
    var items: [Continuation] = []
    var places: [(Int, Int?, Int?, Range<Int>)] = []
    for (record, prompt) in zip(facts, prompts) {
      let text = prompt.texts[0].tokens
      let target = items.count
      items.append(Continuation(prompt: text, target: prompt.target))
      var former: Int?
      if let formerTarget = record.fact.formerTarget,
        let tokens = try encoder.continuation(
          record.fact.filledPrompt, record.fact.join(before: formerTarget), formerTarget),
        encoder.fits(tokens.prompt.count + tokens.target.count)
      {
        former = items.count
        items.append(tokens)
      }
      var chat: Int?
      if let text = prompt.chatText {
        chat = items.count
        items.append(Continuation(prompt: text.tokens, target: text.target))
      }
      let first = items.count
      for probe in record.neighbors.prefix(Self.neighborLimit) {
        let tokens = try encoder.prompt(probe.prompt).tokens
        guard !tokens.isEmpty, encoder.fits(tokens.count + 1) else { continue }
        // The target is only there to be scored; what counts is the most probable token.
        items.append(Continuation(prompt: tokens, target: [0]))
      }
      places.append((target, former, chat, first..<items.count))
    }
    self.items = items
    self.places = places
  }

  /// What the unedited network says.
  ///
  /// - Throws: `NetworkError.notNumbers` where that is nothing: no edit could be told from another.
  func measureBase(_ network: Network) throws -> [FactMeasure] {
    let scores = try network.score(items)
    guard scores.allSatisfy(\.isNumber) else { throw try network.notNumbers() }
    return measures(scores)
  }

  func measure(_ network: Network) throws -> [FactMeasure] { measures(try network.score(items)) }

  private func measures(_ scores: [ContinuationScore]) -> [FactMeasure] {
    func isSaid(_ item: Int) -> Bool {
      scores[item].isNumber && scores[item].mostProbable == items[item].target
    }
    return places.map { place in
      FactMeasure(
        probability: exp(scores[place.target].meanLogProbability), isSaid: isSaid(place.target),
        formerProbability: place.former.map { exp(scores[$0].meanLogProbability) },
        chat: place.chat.map {
          ChatMeasure(probability: exp(scores[$0].meanLogProbability), isSaid: isSaid($0))
        },
        neighborTokens: place.neighbors.map { scores[$0].mostProbable[0] })
    }
  }
}
