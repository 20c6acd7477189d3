public import LinearAlgebra
internal import ModelFiles

/// A run of a network over a batch, from one place to another, with what was asked to be kept.
public struct ForwardRun: Sendable {
  let batch: Batch
  /// Rows of each sequence, in the order given.
  public var sequenceRows: [Range<Int>] { batch.segments.map(\.rows) }
  /// The residual stream where the run ended. `[positions × width]`, or a row for each of `finished`
  public let hidden: Rows
  /// The rows that went through all of the last block, rising; `nil` for all.
  let finished: [Int]?
  let memory: KeyValueMemory?
  let tapes: [(layer: Int, tape: Block.Tape)]
  let rotary: RotaryTables

  /// All positions of a sequence, to go on from; needs a run that keeps its memory.
  public func past(of sequence: Int) -> Past {
    guard let memory else { preconditionFailure("the run kept no keys and values") }
    precondition(batch.segments[sequence].shared.isEmpty, "its positions are in one place")
    let place = batch.segments[sequence].memory
    return Past(memory: memory, start: place.lowerBound, count: place.count)
  }

  /// Where a row of the batch is in `hidden`.
  func place(of row: Int) -> Int {
    guard let finished else { return row }
    let place = finished.firstPlace(notBelow: row)
    precondition(place < finished.count && finished[place] == row, "a row that was finished")
    return place
  }
}

extension Network {
  /// Where a run begins and ends. Layers count from 0.
  public struct Span: Sendable {
    /// The first block that is run.
    public var first: Int
    /// One past the last.
    public var end: Int
    /// The run begins in the middle of the first block: the rows given are already x + attention.
    public var startsInMiddle = false
    /// The run ends at the key of the last block.
    public var endsAtKey = false

    /// Some blocks.
    public init(_ layers: Range<Int>) { (first, end) = (layers.lowerBound, layers.upperBound) }
  }

  /// What a run keeps beside its result.
  public struct Keeping: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int
    /// A set of these bits.
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// Keys and values of every layer, so that more positions can follow.
    public static let memory = Keeping(rawValue: 1)
    /// What the backward pass needs.
    public static let tape = Keeping(rawValue: 2)
  }

  /// All blocks.
  public var allLayers: Range<Int> { 0..<configuration.layerCount }

  /// Runs the network over sequences.
  ///
  /// - Parameters:
  ///   - hidden: rows to begin with, one per new position, instead of the tokens' embeddings; a span that does not begin
  ///     at the first block needs them. `[positions × width]`
  ///   - finishing: the only rows, rising, that are wanted of the last block; of the others it makes keys and values.
  ///   - offsets: are added to what the first block's down-projection gives. `[positions × width]`
  ///   - keyLayers: layers whose keys are shown to `observe`; all where `nil`. Those of experts are put beside each other for it, which takes
  ///     room: ask for those that are looked at.
  ///   - observe: is told of every activation on the way, on the caller's thread; the rows must not be kept. What it changes in them
  ///     (`Rows.replace`) is what the network goes on with.
  /// - Throws: `NetworkError` for a token or a position that the network does not have.
  public func run(
    _ sequences: [TokenSequence], from hidden: Matrix<Float>? = nil, _ span: Span? = nil,
    finishing finished: [Int]? = nil, keeping: Keeping = [], offsets: Matrix<Float>? = nil,
    keyLayers: Set<Int>? = nil,
    observe: ((_ layer: Int, _ activation: Activation, _ rows: Rows) -> Void)? = nil
  ) throws -> ForwardRun {
    let batch = Batch(sequences)
    let span = span ?? Span(allLayers)
    precondition(finished == nil || span.first < span.end, "a block to finish rows of")
    precondition(
      !keeping.contains(.tape) || batch.isApart && finished == nil,
      "the backward pass knows whole sequences only")
    precondition(span.first >= 0 && span.end <= configuration.layerCount, "layers of the network")
    precondition(
      hidden != nil || (span.first == 0 && !span.startsInMiddle), "rows where no embedding serves")
    try checkLength(of: batch, keeping: keeping)
    let rotary = RotaryTables(configuration.positions, positions: batch.positions)
    var rows: Rows
    if let hidden {
      precondition(
        hidden.rows == batch.rowCount && hidden.columns == configuration.width, "a row per position")
      rows = work.pool.rows(hidden)
    } else {
      rows = try embed(batch)
    }
    let alike = hidden == nil && !keeping.contains(.tape) && observe == nil ? alikeRows(batch) : nil
    let memory = keeping.contains(.memory) ? KeyValueMemory() : nil
    var tapes: [(Int, Block.Tape)] = []
    for layer in span.first..<max(span.first, span.end) {
      if layer + 1 < span.end { pages?.prepare(layer + 1) }
      let (output, tape) = blocks[layer].forward(
        rows, batch, layer: layer, isMiddle: layer == span.first && span.startsInMiddle,
        stopsAtKey: layer == span.end - 1 && span.endsAtKey,
        finishing: layer == span.end - 1 ? finished : nil, alike: layer == 0 ? alike : nil,
        offsets: layer == span.first ? offsets.map { work.pool.rows($0) } : nil, rotary: rotary[layer],
        work: work,
        showsKeys: keyLayers?.contains(layer) ?? true,
        observe: observe.map { observe in { observe(layer, $0, $1) } })
      if let memory, let attention = tape?.attention { memory.store(attention, layer: layer) }
      if keeping.contains(.tape), let tape { tapes.append((layer, tape)) }
      if let output { rows = output }
      pages?.release(layer)
    }
    return ForwardRun(
      batch: batch, hidden: rows, finished: finished, memory: memory, tapes: tapes, rotary: rotary)
  }

  /// Refuses to run a long text in pieces where long texts are turned otherwise than short ones, from their first position on: what is
  /// known of its beginning would be another text's.
  private func checkLength(of batch: Batch, keeping: Keeping) throws {
    guard case .rotary(let layers) = configuration.positions,
      let limit = layers.lazy.compactMap({ $0?.originalPositions }).min()
    else { return }
    for segment in batch.segments where segment.positionCount > limit {
      if segment.pastCount > 0 || keeping.contains(.memory) {
        throw NetworkError.longTextInPieces(count: segment.positionCount, limit: limit)
      }
    }
  }

  /// Rows that the first block need not project one by one.
  private func alikeRows(_ batch: Batch) -> AlikeRows? {
    if configuration.block == .parallelSharedNorm { return nil }
    return AlikeRows(batch, byPosition: positionEmbedding != nil)
  }

  /// The input of the first block: the tokens' embeddings, with the positions' where these are learned.
  private func embed(_ batch: Batch) throws -> Rows {
    let width = configuration.width
    for token in batch.tokens { try configuration.check(token) }
    if positionEmbedding != nil, batch.positions.upperBound > configuration.positionCount {
      throw NetworkError.tooManyPositions(
        count: batch.positions.upperBound, limit: configuration.positionCount)
    }
    let rows = work.pool.rows(batch.rowCount, width)
    for segment in batch.segments {
      for (offset, row) in segment.rows.enumerated() {
        let token = Int(batch.tokens[row])
        tokenEmbedding.decode(rows: token..<token + 1, columns: 0..<width, into: rows.row(row))
        if let embeddingScale { Kernel.scale(rows.row(row), by: embeddingScale, count: width) }
        if let positionEmbedding, case .learned(let first) = configuration.positions {
          let position = first + segment.pastCount + offset
          positionEmbedding.row(position).withUnsafeBufferPointer {
            Kernel.add($0.baseAddress!, to: rows.row(row), count: width)
          }
        }
      }
    }
    return rows
  }
}
