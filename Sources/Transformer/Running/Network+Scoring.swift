/// Tokens that may follow others.
public struct Continuation: Hashable, Sendable {
  /// What comes before; at least one token.
  public var prompt: [Int32]
  /// What is to follow; at least one token.
  public var target: [Int32]

  /// Joins the two.
  public init(prompt: [Int32], target: [Int32]) {
    self.prompt = prompt
    self.target = target
  }
}

/// How a network likes a continuation, token by token, each given those before it.
public struct ContinuationScore: Equatable, Sendable {
  /// log p of each token of the target.
  public let logProbabilities: [Float]
  /// The most probable token in each place.
  public let mostProbable: [Int32]

  /// exp of the mean of the log-probabilities: the geometric mean of the tokens' probabilities.
  public var meanLogProbability: Double {
    logProbabilities.reduce(0) { $0 + Double($1) } / Double(logProbabilities.count)
  }
}

extension Network {
  /// Tokens of one batch at most.
  private static let scoringRowLimit = 4096

  /// Scores continuations. Those of one prompt share its run: the prompt is run once, and each target follows it.
  public func score(_ items: [Continuation]) throws -> [ContinuationScore] {
    var scores = [ContinuationScore?](repeating: nil, count: items.count)
    var byPrompt: [[Int32]: [Int]] = [:]
    var prompts: [[Int32]] = []
    for (index, item) in items.enumerated() {
      precondition(
        !item.prompt.isEmpty && !item.target.isEmpty, "a continuation follows something and is something")
      if byPrompt[item.prompt, default: []].isEmpty { prompts.append(item.prompt) }
      byPrompt[item.prompt, default: []].append(index)
    }
    var next = 0
    while next < prompts.count {
      var end = next
      var rows = 0
      while end < prompts.count, end == next || rows + prompts[end].count <= Self.scoringRowLimit {
        rows += prompts[end].count
        end += 1
      }
      try score(Array(prompts[next..<end]), byPrompt, items, &scores)
      next = end
    }
    return scores.map { $0! }
  }

  private func score(
    _ prompts: [[Int32]], _ byPrompt: [[Int32]: [Int]], _ items: [Continuation],
    _ scores: inout [ContinuationScore?]
  ) throws {
    // The prompts, each to its last token, whose logits say the first token of every target.
    let run = try run(prompts.map { TokenSequence($0) }, keeping: .memory)
    let first = lastLogits(of: run)
    var longer: [(item: Int, sequence: TokenSequence, prompt: Int)] = []
    for (place, prompt) in prompts.enumerated() {
      for item in byPrompt[prompt] ?? [] where items[item].target.count > 1 {
        longer.append(
          (item, TokenSequence(items[item].target.dropLast(), after: run.past(of: place)), place))
      }
    }
    let rest = try longer.isEmpty ? nil : self.run(longer.map(\.sequence))
    let restLogits = rest.map { logits(of: $0, rows: Array(0..<($0.sequenceRows.last?.upperBound ?? 0))) }
    let rowsOfItem = Dictionary(
      uniqueKeysWithValues: longer.enumerated().map { ($1.item, rest!.sequenceRows[$0]) })

    for (place, prompt) in prompts.enumerated() {
      for item in byPrompt[prompt] ?? [] {
        let target = items[item].target
        var logProbabilities = [first.logProbability(row: place, token: Int(target[0]))]
        var best = [Int32(first.mostProbable(row: place))]
        if let rows = rowsOfItem[item], let restLogits {
          for (row, token) in zip(rows, target.dropFirst()) {
            logProbabilities.append(restLogits.logProbability(row: row, token: Int(token)))
            best.append(Int32(restLogits.mostProbable(row: row)))
          }
        }
        scores[item] = ContinuationScore(logProbabilities: logProbabilities, mostProbable: best)
      }
    }
  }
}
