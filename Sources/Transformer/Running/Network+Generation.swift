internal import Floor
internal import Glibc
internal import ModelFiles

/// How the next token is chosen.
public enum Sampling: Equatable, Sendable {
  /// The most probable; of equals, the one of the smallest id.
  case greedy
  /// One of the most probable, drawn by their probabilities; the same seed gives the same text.
  case top(Int, seed: UInt64)
}

extension Network {
  /// Continues sequences token by token, all of them together.
  ///
  /// - Parameters:
  ///   - prompts: token ids, at least one each.
  ///   - count: new tokens at most.
  ///   - replacements: for each prompt, another output at one place of it; none at all where empty.
  ///   - stops: tokens that end a sequence; the stop itself is not part of the continuation.
  /// - Returns: the new tokens of each sequence. What a sequence becomes does not depend on its neighbors. One ends where the
  ///   network's logits are no numbers: there is nothing to choose by.
  /// - Throws: `NetworkError` for a token or a position that the network does not have.
  public func generate(
    _ prompts: [[Int32]], count: Int, sampling: Sampling = .greedy, stops: Set<Int32> = [],
    replacing replacements: [OutputReplacement?] = []
  ) throws -> [[Int32]] {
    var results = [[Int32]](repeating: [], count: prompts.count)
    var draws = prompts.indices.map { index in
      if case .top(_, let seed) = sampling {
        Draws(seed: seed, sequence: index)
      } else {
        Draws(seed: 0, sequence: 0)
      }
    }
    var active = Array(prompts.indices)
    var sequences = prompts.map { TokenSequence($0) }
    var isFirst = true
    while !active.isEmpty, count > 0 {
      let run =
        try isFirst
        ? run(prompts, replacing: replacements, keeping: .memory) : run(sequences, keeping: .memory)
      isFirst = false
      let logits = lastLogits(of: run)
      var next: [(index: Int, sequence: TokenSequence)] = []
      for (place, index) in active.enumerated() where logits.isNumber(row: place) {
        let token = Int32(choose(logits, row: place, sampling, &draws[index]))
        if stops.contains(token) { continue }
        results[index].append(token)
        let past = run.past(of: place)
        if results[index].count < count, hasRoom(after: past.count) {
          next.append((index, TokenSequence([token], after: past)))
        }
      }
      active = next.map(\.index)
      sequences = next.map(\.sequence)
    }
    return results
  }

  /// Whether another position can follow so many.
  private func hasRoom(after count: Int) -> Bool {
    if case .learned = configuration.positions { count < configuration.positionCount } else { true }
  }

  private func choose(_ logits: LogitRows, row: Int, _ sampling: Sampling, _ draws: inout Draws) -> Int {
    guard case .top(let count, _) = sampling else { return logits.mostProbable(row: row) }
    let best = logits.mostProbable(row: row, count: count)
    let weights = best.map { Double(logits.logProbability(row: row, token: $0)) }.map { exp($0) }
    var rest = draws.next() * weights.reduce(0, +)
    for (token, weight) in zip(best, weights) {
      rest -= weight
      if rest < 0 { return token }
    }
    return best[best.count - 1]
  }
}

/// Draws from [0, 1) for one sequence.
private struct Draws {
  private var generator: SplitMix64

  init(seed: UInt64, sequence: Int) {
    generator = SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: sequence) &* 0xD1B5_4A32_D192_ED03)
  }

  mutating func next() -> Double { generator.unit() }
}
