public import LinearAlgebra

/// A number for each output of a layer's down-projection, in place of what it gives at one position of a sequence.
public struct OutputReplacement: Sendable, Equatable {
  /// The block.
  public let layer: Int
  /// The position, counted from the sequence's beginning.
  public let position: Int
  /// What stands there then. `[width]`
  public let value: [Float]

  /// Joins the three.
  public init(layer: Int, position: Int, value: [Float]) {
    (self.layer, self.position, self.value) = (layer, position, value)
  }
}

extension Network {
  /// The input of a layer's down-projection at each sequence's last token. `[sequences × feedForwardWidth]`
  public func lastKeys(of sequences: [[Int32]], layer: Int) throws -> Matrix<Float> {
    var span = Span(0..<layer + 1)
    span.endsAtKey = true
    let ends = sequences.reduce(into: [Int]()) { $0.append(($0.last ?? -1) + $1.count) }
    var found: Matrix<Float>?
    _ = try run(sequences.map { TokenSequence($0) }, span) { block, seen, rows in
      if seen == .key, block == layer { found = rows.matrix(rows: ends) }
    }
    guard let found else { preconditionFailure("a run to a layer passes its key") }
    return found
  }

  /// Runs whole sequences, some with another output at one place.
  ///
  /// - Parameter replacements: one for each sequence, or none at all.
  public func run(
    _ sequences: [[Int32]], replacing replacements: [OutputReplacement?], keeping: Keeping = []
  ) throws -> ForwardRun {
    let starts = sequences.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    let placed = zip(starts, replacements).compactMap { start, own in own.map { (start + $0.position, $0) } }
    guard !placed.isEmpty else { return try run(sequences.map { TokenSequence($0) }, keeping: keeping) }
    return try run(sequences.map { TokenSequence($0) }, keeping: keeping, keyLayers: []) {
      layer, activation, rows in
      guard activation == .value else { return }
      for (row, own) in placed where own.layer == layer { rows.replace(row, with: own.value) }
    }
  }

  /// Scores continuations of which some have another output at one place of their prompt.
  ///
  /// - Parameter replacements: one for each item, or none at all.
  public func score(
    _ items: [Continuation], replacing replacements: [OutputReplacement?]
  ) throws -> [ContinuationScore] {
    let own = replacements.indices.filter { replacements[$0] != nil }
    guard !own.isEmpty else { return try score(items) }
    let others = items.indices.filter { replacements[$0] == nil }
    var scores = [ContinuationScore?](repeating: nil, count: items.count)
    for (index, score) in zip(others, try score(others.map { items[$0] })) { scores[index] = score }
    for index in own {
      let item = items[index]
      for token in item.target { try configuration.check(token) }
      // Where prompt and target share a token over their edge, the prompt's last is the one before it.
      let replacement = replacements[index].map {
        OutputReplacement(layer: $0.layer, position: min($0.position, item.prompt.count - 1), value: $0.value)
      }
      let run = try run([item.prompt + item.target.dropLast()], replacing: [replacement])
      let first = item.prompt.count - 1
      let logits = logits(of: run, rows: item.target.indices.map { first + $0 })
      let summaries = logits.summaries(of: item.target.map { [Int($0)] }, threads: threads)
      scores[index] = ContinuationScore(
        logProbabilities: summaries.map { $0.logProbabilities[0] },
        mostProbable: summaries.map { Int32($0.best) })
    }
    return scores.map { $0! }
  }
}
