internal import ModelFiles

extension Network {
  /// The experts that each token goes through, in the layers that have some. `[layers with experts][tokens]`
  public func chosenExperts(in sequences: [TokenSequence]) throws -> [[Set<Int>]] {
    try run(sequences, keeping: .tape).tapes.compactMap { _, tape in
      guard case .experts(let keys) = tape.feedForward else { return nil }
      var rows = [Set<Int>](repeating: [], count: keys.probabilities.count)
      for part in keys.parts { for row in part.rows { rows[row].insert(part.expert) } }
      return rows
    }
  }
}
