public import LinearAlgebra

/// What a layer's down-projection gives in place of its own output, in one sequence.
public struct OutputReplacement: Sendable, Equatable {
  /// What is changed of it.
  public enum Change: Sendable, Equatable {
    /// A number for each output stands at one position, counted from the sequence's beginning. `[width]`
    case value([Float], position: Int)
    /// The output of another weight is added at every position, and at those that follow.
    case addition(SideWeight)
  }

  /// The block.
  public let layer: Int
  /// What is changed.
  public let change: Change

  /// A value at one position.
  public init(layer: Int, position: Int, value: [Float]) {
    (self.layer, change) = (layer, .value(value, position: position))
  }

  /// A weight beside the layer's own.
  public init(layer: Int, adding weight: SideWeight) { (self.layer, change) = (layer, .addition(weight)) }

  /// The same for the positions that follow a prompt; `nil` where nothing is changed there.
  var following: OutputReplacement? {
    if case .addition = change { self } else { nil }
  }

  /// The same in a prompt of so many tokens.
  func within(_ count: Int) -> OutputReplacement {
    guard case .value(let value, let position) = change else { return self }
    return OutputReplacement(layer: layer, position: min(position, count - 1), value: value)
  }
}

/// A weight of small rank beside a down-projection: Δ = left · right.
public struct SideWeight: Sendable, Equatable {
  /// `[width × rank]`
  public let left: Matrix<Float>
  /// `[rank × keyWidth]`
  public let right: Matrix<Float>

  /// Joins two factors of one inner size.
  public init(left: Matrix<Float>, right: Matrix<Float>) {
    precondition(left.columns == right.rows, "the factors must share their inner size")
    (self.left, self.right) = (left, right)
  }

  /// Δ k, summed in order: the same bits at any number of threads. `[width]`
  public func product(_ key: [Float]) -> [Float] { left.plainProduct(right.plainProduct(key)) }
}

extension Network {
  /// The input of a layer's down-projection at each sequence's last token. `[sequences × feedForwardWidth]`
  public func lastKeys(of sequences: [[Int32]], layer: Int) throws -> Matrix<Float> {
    let ends = sequences.reduce(into: [Int]()) { $0.append(($0.last ?? -1) + $1.count) }
    return try keys(of: sequences, layer: layer).selecting(rows: ends)
  }

  /// The input of a layer's down-projection at all tokens of some sequences. `[tokens × keyWidth]`
  public func keys(of sequences: [[Int32]], layer: Int) throws -> Matrix<Float> {
    var span = Span(0..<layer + 1)
    span.endsAtKey = true
    var found: Matrix<Float>?
    _ = try run(sequences.map { TokenSequence($0) }, span) { block, seen, rows in
      if seen == .key, block == layer { found = rows.matrix() }
    }
    guard let found else { preconditionFailure("a run to a layer passes its key") }
    return found
  }

  /// Runs whole sequences, some with other outputs of one layer.
  ///
  /// - Parameter replacements: one for each sequence, or none at all.
  public func run(
    _ sequences: [[Int32]], replacing replacements: [OutputReplacement?], keeping: Keeping = []
  ) throws -> ForwardRun {
    try run(sequences.map { TokenSequence($0) }, replacing: replacements, keeping: keeping)
  }

  /// Runs sequences, or what follows their beginnings, some with other outputs of one layer.
  func run(
    _ sequences: [TokenSequence], replacing replacements: [OutputReplacement?], keeping: Keeping
  ) throws -> ForwardRun {
    let starts = sequences.reduce(into: [0]) { $0.append($0.last! + $1.tokens.count) }
    let placed = replacements.enumerated().compactMap { index, own in
      own.map { (rows: starts[index]..<starts[index + 1], replacement: $0) }
    }
    guard !placed.isEmpty else { return try run(sequences, keeping: keeping) }
    let adding = placed.filter { $0.replacement.following != nil }
    var keys: [Int: [Float]] = [:]
    return try run(sequences, keeping: keeping, keyLayers: Set(adding.map(\.replacement.layer))) {
      layer, activation, rows in
      if activation == .key {
        for own in adding where own.replacement.layer == layer {
          for row in own.rows { keys[row] = rows.matrix(rows: [row]).elements }
        }
      }
      guard activation == .value else { return }
      for own in placed where own.replacement.layer == layer {
        switch own.replacement.change {
        case .value(let value, let position): rows.replace(own.rows.lowerBound + position, with: value)
        case .addition(let weight):
          for row in own.rows {
            guard let key = keys[row] else { preconditionFailure("a key is shown before its value") }
            rows.replace(
              row, with: zip(rows.matrix(rows: [row]).elements, weight.product(key)).map { $0 + $1 })
          }
        }
      }
    }
  }

  /// Scores continuations of which some have other outputs of one layer.
  ///
  /// All are scored without first, so that those of which nothing is changed keep their bits, whatever is asked beside them.
  /// - Parameter replacements: one for each item, or none at all.
  public func score(
    _ items: [Continuation], replacing replacements: [OutputReplacement?]
  ) throws -> [ContinuationScore] {
    var scores = try score(items)
    for index in replacements.indices {
      guard let replacement = replacements[index] else { continue }
      let item = items[index]
      // Where prompt and target share a token over their edge, the prompt's last is the one before it.
      let run = try run(
        [item.prompt + item.target.dropLast()], replacing: [replacement.within(item.prompt.count)])
      let first = item.prompt.count - 1
      let logits = logits(of: run, rows: item.target.indices.map { first + $0 })
      let summaries = logits.summaries(of: item.target.map { [Int($0)] }, threads: threads)
      scores[index] = ContinuationScore(
        logProbabilities: summaries.map { $0.logProbabilities[0] },
        mostProbable: summaries.map { Int32($0.best) })
    }
    return scores
  }
}
