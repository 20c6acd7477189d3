internal import Floor
internal import ModelFiles
public import Transformer

internal import LinearAlgebra
internal import Patches

/// Second moments of the keys of some layers over a text, in one sweep of the network.
///
/// Killed, it leaves a valid file of what was summed so far; run again, it goes on there and ends with the same bytes.
public struct StatisticsCollection {
  /// The network, unedited.
  public let network: Network
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// The text.
  public let corpus: Corpus
  /// Layers whose down-projection inputs are summed, ascending.
  public let layers: [Int]
  /// Tokens after which it is enough.
  public var tokenLimit: Int?
  /// Tokens of a document that are read; the rest is cut off.
  public var contextLength: Int
  /// Seconds between two partial files.
  public var saveInterval = 60.0
  /// Whether to save what there is and stop; asked between batches.
  public var isStopping: @Sendable () -> Bool = { false }

  /// Tokens run together: a large product, and few additions in Double.
  public static let batchTokens = 2048
  /// Numbers of a layer's keys in a batch, where many experts make them long.
  private static let keyLimit = 1 << 26

  /// The weights whose keys are summed.
  private let projections: [(layer: Int, name: String, columns: Range<Int>)]

  /// Plans a collection.
  public init(network: Network, tokenizer: Tokenizer, corpus: Corpus, layers: [Int]) throws {
    guard let last = layers.last, last < network.configuration.layerCount, layers[0] >= 0 else {
      throw EditError.layersOutsideModel(layers: layers, layerCount: network.configuration.layerCount)
    }
    self.network = network
    self.tokenizer = tokenizer
    self.corpus = corpus
    self.layers = layers
    projections = layers.flatMap { layer in
      network.downProjections(of: layer).map { (layer, $0.name, $0.columns) }
    }
    contextLength = min(network.configuration.positionCount, 2048)
  }

  /// How far a collection is.
  public struct State: Sendable {
    /// Documents of the corpus that were read.
    public var documents = 0
    /// Tokens summed.
    public var tokens = 0
    /// Bytes of the corpus files that were read.
    public var bytesRead = 0
  }

  /// Collects, and writes the statistics.
  ///
  /// - Parameters:
  ///   - progress: told after every batch.
  /// - Returns: what was read, and how many documents of it an earlier, interrupted run had read.
  public func write(
    to path: String, progress: (State) -> Void = { _ in }
  ) throws -> (state: State, resumed: Int) {
    let identity = try identity()
    let sums = projections.map { SecondMomentSum(width: $0.columns.count) }
    var state = State()
    var output = StatisticsOutput(path)
    let partial = try PartialStatistics(path, identity: identity)
    if let partial {
      state.documents = partial.documents
      for (sum, projection) in zip(sums, projections) { try partial.restore(sum, weight: projection.name) }
      state.tokens = sums[0].count
    }
    let resumed = state.documents
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    let widest = layers.map { network.keyWidth(of: $0) }.max() ?? 1
    let batchTokens = min(Self.batchTokens, max(1, Self.keyLimit / widest))
    var reader = corpus.documents()
    var read = StreamedDigest()
    var skipped = 0
    var batch: [(tokens: [Int32], hasBegin: Bool)] = []
    var rows = 0
    var lastSave = ProcessUse.wallSeconds
    func flush() throws {
      guard !batch.isEmpty else { return }
      // One thread, whoever else multiplies in this process: the sums are promised to the bit.
      try BLASThreads.with(1) { try add(batch, to: sums) }
      state.tokens = sums[0].count
      (batch, rows) = ([], 0)
    }
    func isWanted() -> Bool {
      skipped < resumed || tokenLimit.map { state.tokens + rows < $0 } ?? true
    }
    while isWanted(), let document = try reader.next() {
      read.update(document: document.text)
      if skipped < resumed {
        skipped += 1
        if skipped == resumed { try partial?.requireText(read.value, documents: skipped) }
        continue
      }
      state.documents += 1
      let tokens = try encoder.beginning(of: document.text, count: contextLength)
      guard !tokens.isEmpty else { continue }
      batch.append((tokens, tokenizer.beginToken.map { Int32($0) == tokens[0] } ?? false))
      rows += tokens.count
      state.bytesRead = reader.bytesRead
      guard rows >= batchTokens else { continue }
      try flush()
      progress(state)
      let stops = isStopping()
      if stops || ProcessUse.wallSeconds - lastSave >= saveInterval {
        try save(
          sums, to: &output,
          notes: identity.notes + [
            (PartialStatistics.progressNote, "\(state.documents)"),
            (PartialStatistics.readNote, read.value.hexadecimal),
          ])
        lastSave = ProcessUse.wallSeconds
      }
      if stops { throw PartsError.stopped(file: path, done: "\(state.documents) documents") }
    }
    if skipped < resumed { try partial?.requireText(read.value, documents: skipped) }
    try flush()
    progress(state)
    guard state.tokens > 0 else { throw EditError.emptyCorpus(files: corpus.paths) }
    let text = reader.digest.map { "sha256:\($0.hexadecimal)" } ?? identity.text
    let isWhole = reader.digest != nil
    try save(
      sums, to: &output,
      notes: [
        ("model", identity.model),
        ("corpus", (isWhole ? text : "\(text), first \(state.documents) documents") + identity.part),
      ])
    return (state, resumed)
  }

  /// Runs a batch and adds its keys.
  private func add(_ batch: [(tokens: [Int32], hasBegin: Bool)], to sums: [SecondMomentSum]) throws {
    var span = Network.Span(0..<layers.last! + 1)
    span.endsAtKey = true
    var begins: [Int] = []
    var row = 0
    for document in batch {
      if document.hasBegin { begins.append(row) }
      row += document.tokens.count
    }
    _ = try network.run(batch.map { TokenSequence($0.tokens) }, span, keyLayers: Set(layers)) {
      layer, activation, rows in
      guard activation == .key, layers.contains(layer) else { return }
      for (projection, sum) in zip(projections, sums) where projection.layer == layer {
        sum.add(rows, columns: projection.columns, begins: begins, threads: network.threads)
      }
    }
    for (projection, sum) in zip(projections, sums) {
      if let input = sum.firstNonFinite {
        throw EditError.nonFiniteKeySum(weight: projection.name, input: input)
      }
    }
  }

  private func save(
    _ sums: [SecondMomentSum], to output: inout StatisticsOutput, notes: [(key: String, value: String)]
  ) throws {
    let tensors = zip(projections, sums).flatMap { StatisticsFile.tensors(weight: $0.name, of: $1) }
    try output.write(tensors, notes: notes)
  }

  private func identity() throws -> StatisticsIdentity {
    let shard = corpus.shard.map { ", part \($0.number) of \($0.count)" } ?? ""
    return StatisticsIdentity(
      model: try StatisticsFile.note(of: network.model),
      text: corpus.paths.map { Folder.name(of: $0) }.joined(separator: ", "), part: shard,
      settings:
        "layers \(layers.map(String.init).joined(separator: ",")), \(tokenLimit.map { "\($0) tokens" } ?? "all"), context \(contextLength)"
    )
  }
}

extension StreamedDigest {
  /// Adds a document and its end.
  fileprivate mutating func update(document text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    withUnsafeBytes(of: UInt8(0)) { update($0) }
  }
}
