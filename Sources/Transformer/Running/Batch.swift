/// Tokens that follow positions whose keys and values are known, or those of the sequence before it in its run, or none.
public struct TokenSequence: Sendable {
  /// Token ids of the new positions.
  public var tokens: [Int32]
  /// The positions before them.
  public var past: Past?
  /// How many positions, from its beginning, the sequence before it has in common with this one, which goes on from them.
  public var sharedCount = 0

  /// A sequence from its beginning, or what follows `past`.
  public init(_ tokens: [Int32], after past: Past? = nil) {
    self.tokens = tokens
    self.past = past
  }

  /// What follows the first positions of the sequence before it in the same run.
  public init(_ tokens: [Int32], sharing count: Int) {
    self.tokens = tokens
    sharedCount = count
  }
}

/// Sequences of any lengths side by side, one row per new position. Nothing is padded.
struct Batch: Sendable {
  /// One sequence of the batch.
  struct Segment: Sendable {
    /// Its new positions, as rows of the batch.
    let rows: Range<Int>
    /// Positions that it shares with sequences before it, as rows of keys and values, in their order.
    let shared: [Range<Int>]
    /// The positions behind these, past ones first, as rows of keys and values.
    let memory: Range<Int>
    let past: Past?
    /// Positions before the new ones.
    let pastCount: Int
    /// All its positions.
    var positionCount: Int { pastCount + rows.count }
  }

  let segments: [Segment]
  let tokens: [Int32]

  var rowCount: Int { tokens.count }
  var memoryCount: Int { segments.last?.memory.upperBound ?? 0 }
  /// Pairs of a query and a key.
  var attentionCost: Int { segments.reduce(0) { $0 + $1.rows.count * $1.positionCount } }
  /// Whether no sequence goes on from another.
  var isApart: Bool { segments.allSatisfy(\.shared.isEmpty) }

  /// All positions that occur.
  var positions: Range<Int> {
    let first = segments.map(\.pastCount).min() ?? 0
    return first..<max(first, segments.map(\.positionCount).max() ?? 0)
  }

  init(_ sequences: [TokenSequence]) {
    var segments: [Segment] = []
    var tokens: [Int32] = []
    var memory = 0
    for sequence in sequences {
      precondition(!sequence.tokens.isEmpty, "a sequence has at least one token")
      precondition(sequence.sharedCount == 0 || sequence.past == nil, "one beginning, here or earlier")
      let count = sequence.tokens.count + (sequence.past?.count ?? 0)
      segments.append(
        Segment(
          rows: tokens.count..<tokens.count + sequence.tokens.count,
          shared: sequence.sharedCount == 0
            ? [] : Self.places(of: sequence.sharedCount, in: segments.last),
          memory: memory..<memory + count, past: sequence.past,
          pastCount: sequence.sharedCount + count - sequence.tokens.count))
      tokens += sequence.tokens
      memory += count
    }
    self.segments = segments
    self.tokens = tokens
  }

  /// Where the first positions of a segment are.
  private static func places(of count: Int, in segment: Segment?) -> [Range<Int>] {
    guard let segment, count <= segment.positionCount else {
      preconditionFailure("no more positions are shared than the sequence before has")
    }
    var rest = count
    return (segment.shared + [segment.memory]).compactMap { range in
      let part = range.prefix(rest)
      rest -= part.count
      return part.isEmpty ? nil : part
    }
  }
}

extension [Int] {
  /// The first place whose number is not below `value`; the numbers rise.
  func firstPlace(notBelow value: Int) -> Int {
    var range = 0..<count
    while !range.isEmpty {
      let middle = (range.lowerBound + range.upperBound) / 2
      range = self[middle] < value ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
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
