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
  ///   - replacements: for each prompt, other outputs of one layer, in it and behind it; none at all where empty.
  ///   - stops: tokens that end a sequence; the stop itself is not part of the continuation.
  /// - Returns: the new tokens of each sequence. What a sequence becomes does not depend on its neighbors. One ends where the
  ///   network's logits are no numbers: there is nothing to choose by.
  /// - Throws: `NetworkError` for a token or a position that the network does not have.
  public func generate(
    _ prompts: [[Int32]], count: Int, sampling: Sampling = .greedy, stops: Set<Int32> = [],
    replacing replacements: [OutputReplacement?] = []
  ) throws -> [[Int32]] {
    guard count > 0, !prompts.isEmpty else { return prompts.map { _ in [] } }
    return try goOn(
      count: count, sampling, stops, replacing: replacements, until: { _, _ in false }
    ) {
      try run(prompts, replacing: replacements, keeping: .memory)
    }
  }

  /// What is known of a text that was run: its tokens, with their keys and values.
  public struct Reading: Sendable {
    /// From its beginning.
    public let tokens: [Int32]
    let past: Past
  }

  /// Reads a text, so that others with the same beginning need not be run from theirs.
  public func read(_ text: [Int32]) throws -> Reading {
    Reading(tokens: text, past: try run([TokenSequence(text)], keeping: .memory).past(of: 0))
  }

  /// Continues sequences, all of them together, from what is known of their beginnings, each until it is ended.
  ///
  /// - Parameters:
  ///   - prompts: token ids, at least one each.
  ///   - known: for each of them a text that was read, which may have the same beginning.
  ///   - isEnd: whether a sequence, by its number, ends behind these new tokens.
  /// - Returns: the new tokens of each, and what is known of its prompt then. (What is new is not kept: sequences end at different times, and each
  ///   would hold the keys and values of all beside it.)
  public func generate(
    _ prompts: [[Int32]], knowing known: [Reading?], count: Int, stops: Set<Int32> = [],
    until isEnd: (_ sequence: Int, _ new: [Int32]) throws -> Bool
  ) throws -> [(tokens: [Int32], reading: Reading)] {
    guard !prompts.isEmpty else { return [] }
    let sequences = zip(prompts, known).map { prompt, known in
      // The last token is run in any case: what follows it is asked.
      let shared = zip(prompt.dropLast(), known?.tokens ?? []).prefix { $0 == $1 }.count
      return TokenSequence(
        Array(prompt[shared...]), after: shared == 0 ? nil : known?.past.prefix(shared))
    }
    let first = try run(sequences, keeping: .memory)
    let new = try goOn(count: count, .greedy, stops, until: isEnd) { first }
    return prompts.indices.map { (new[$0], Reading(tokens: prompts[$0], past: first.past(of: $0))) }
  }

  /// Continues the sequences of a run, which is not held on to.
  ///
  /// - Parameter following: for each sequence, what is changed of a layer's outputs behind it as well; none at all where empty.
  private func goOn(
    count: Int, _ sampling: Sampling, _ stops: Set<Int32>, replacing following: [OutputReplacement?] = [],
    until isEnd: (Int, [Int32]) throws -> Bool, from first: () throws -> ForwardRun
  ) throws -> [[Int32]] {
    var run = try first()
    var results = run.sequenceRows.map { _ in [Int32]() }
    var draws = results.indices.map { index in
      if case .top(_, let seed) = sampling {
        Draws(seed: seed, sequence: index)
      } else {
        Draws(seed: 0, sequence: 0)
      }
    }
    var active = Array(results.indices)
    while true {
      let logits = lastLogits(of: run)
      var next: [(index: Int, sequence: TokenSequence)] = []
      for (place, index) in active.enumerated() where logits.isNumber(row: place) {
        let token = Int32(choose(logits, row: place, sampling, &draws[index]))
        if stops.contains(token) { continue }
        results[index].append(token)
        let past = run.past(of: place)
        if results[index].count < count, hasRoom(after: past.count), try !isEnd(index, results[index]) {
          next.append((index, TokenSequence([token], after: past)))
        }
      }
      active = next.map(\.index)
      if active.isEmpty { return results }
      run = try self.run(
        next.map(\.sequence), replacing: following.isEmpty ? [] : active.map { following[$0]?.following },
        keeping: .memory)
    }
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
