/// Tokens that follow positions whose keys and values are known, or none.
public struct TokenSequence: Sendable {
  /// Token ids of the new positions.
  public var tokens: [Int32]
  /// The positions before them.
  public var past: Past?

  /// A sequence from its beginning, or what follows `past`.
  public init(_ tokens: [Int32], after past: Past? = nil) {
    self.tokens = tokens
    self.past = past
  }
}

/// Sequences of any lengths side by side, one row per new position. Nothing is padded.
struct Batch: Sendable {
  /// One sequence of the batch.
  struct Segment: Sendable {
    /// Its new positions, as rows of the batch.
    let rows: Range<Int>
    /// All its positions, past ones first, as rows of keys and values.
    let memory: Range<Int>
    let past: Past?
    var pastCount: Int { past?.count ?? 0 }
  }

  let segments: [Segment]
  let tokens: [Int32]

  var rowCount: Int { tokens.count }
  var memoryCount: Int { segments.last?.memory.upperBound ?? 0 }
  /// Pairs of a query and a key.
  var attentionCost: Int { segments.reduce(0) { $0 + $1.rows.count * $1.memory.count } }

  /// All positions that occur.
  var positions: Range<Int> {
    let first = segments.map(\.pastCount).min() ?? 0
    return first..<max(first, segments.map(\.memory.count).max() ?? 0)
  }

  init(_ sequences: [TokenSequence]) {
    var segments: [Segment] = []
    var tokens: [Int32] = []
    var memory = 0
    for sequence in sequences {
      precondition(!sequence.tokens.isEmpty, "a sequence has at least one token")
      let count = sequence.tokens.count + (sequence.past?.count ?? 0)
      segments.append(
        Segment(
          rows: tokens.count..<tokens.count + sequence.tokens.count, memory: memory..<memory + count,
          past: sequence.past))
      tokens += sequence.tokens
      memory += count
    }
    self.segments = segments
    self.tokens = tokens
  }
}

/// Keys and values of the positions of a batch that was run, by layer.
final class KeyValueMemory: @unchecked Sendable {
  // SAFETY: written by the one run that makes it, before anybody else has it.
  fileprivate var layers: [Int: (keys: Rows, values: Rows)] = [:]

  func store(_ tape: Attention.Tape, layer: Int) { layers[layer] = (tape.keys, tape.values) }
}

/// Earlier positions of a sequence: their keys and values are known and never change.
public struct Past: Sendable {
  let memory: KeyValueMemory
  /// The first of them, as a row of the memory.
  let start: Int
  /// How many positions.
  public let count: Int

  /// The first so many of these positions.
  public func prefix(_ count: Int) -> Past {
    precondition(count >= 0 && count <= self.count, "no more positions than there are")
    return Past(memory: memory, start: start, count: count)
  }

  func rows(of layer: Int) -> (keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>) {
    guard let (keys, values) = memory.layers[layer] else {
      preconditionFailure("the past was kept for every layer that goes on from it")
    }
    return (keys.row(start), values.row(start))
  }
}
