internal import LinearAlgebra
internal import Synchronization
internal import Transformer

/// Scores continuations, running every beginning that several of them share once.
///
/// The texts, each without its last token, make a tree; each level of it is one pass over the nodes of many records, which go on
/// from their parents' keys and values. Nothing is padded, and logits are formed only where they are read.
struct ContinuationScorer: Sendable {
  let network: Network

  /// What a network thinks of a continuation.
  struct Score: Sendable {
    /// log p of each token of the target.
    var logProbabilities: [Float]
    /// The most probable token in each place.
    var said: [Int32]

    /// Their sum.
    var sum: Double { logProbabilities.reduce(0) { $0 + Double($1) } }
    /// Their mean.
    var logProbability: Double { sum / Double(logProbabilities.count) }
  }

  /// Tokens of one tree, so that keys and values of all layers stay below 256 MB.
  private var rowLimit: Int {
    let c = network.configuration
    let bytes = c.layerCount * c.keyValueHeadCount * c.headWidth * 2 * 4
    return min(8192, max(64, (256 << 20) / bytes))
  }

  /// Rows of logits at once, so that they stay below 64 MB.
  private var logitLimit: Int { max(16, (64 << 20) / (network.configuration.vocabularySize * 4)) }

  func score(_ items: [Continuation]) throws -> [Score] {
    var scores = items.map {
      Score(
        logProbabilities: [Float](repeating: 0, count: $0.target.count),
        said: [Int32](repeating: 0, count: $0.target.count))
    }
    var texts: [[Int32]: [Int]] = [:]
    for (index, item) in items.enumerated() {
      precondition(
        !item.prompt.isEmpty && !item.target.isEmpty, "a continuation follows something and is something")
      texts[item.prompt + item.target.dropLast(), default: []].append(index)
    }
    let sorted = texts.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    var start = 0
    while start < sorted.count {
      var (end, rows) = (start, 0)
      while end < sorted.count {
        let before = end > start ? sorted[end - 1].key : []
        let fresh = sorted[end].key.count - zip(before, sorted[end].key).prefix { $0 == $1 }.count
        if rows + fresh > rowLimit, end > start { break }
        rows += fresh
        end += 1
      }
      try score(sorted[start..<end].map(\.key), sorted[start..<end].map(\.value), items, &scores)
      start = end
    }
    return scores
  }

  /// A token that is looked up after a row.
  private struct Read: Sendable {
    let row: Int
    let item: Int
    /// Which token of the item's target.
    let place: Int
    let token: Int32
  }

  /// - Parameter followers: for each text, the items that it serves.
  private func score(
    _ texts: [[Int32]], _ followers: [[Int]], _ items: [Continuation], _ scores: inout [Score]
  ) throws {
    let tree = PrefixTree(texts)
    // Which tokens are looked up in which node, by their places in the text.
    var wanted = [[(position: Int, item: Int, place: Int)]](repeating: [], count: tree.nodes.count)
    for (text, end) in tree.ends.enumerated() {
      for item in followers[text] {
        var node = end
        for place in items[item].target.indices.reversed() {
          let position = items[item].prompt.count - 1 + place
          while position < tree.nodes[node].tokens.lowerBound { node = tree.nodes[node].parent! }
          wanted[node].append((position, item, place))
        }
      }
    }
    var pasts = [Past?](repeating: nil, count: tree.nodes.count)
    for level in 0..<tree.levelCount {
      let nodes = tree.nodes.indices.filter { tree.nodes[$0].level == level }
      let isLast = level == tree.levelCount - 1
      let run = try network.run(
        nodes.map { index in
          let node = tree.nodes[index]
          return TokenSequence(
            Array(texts[node.sequence][node.tokens]), after: node.parent.map { pasts[$0]! })
        }, keeping: isLast ? [] : .memory)
      var reads: [Read] = []
      for (sequence, index) in nodes.enumerated() {
        if !isLast { pasts[index] = run.past(of: sequence) }
        let first = run.sequenceRows[sequence].lowerBound - tree.nodes[index].tokens.lowerBound
        reads += wanted[index].map {
          Read(
            row: first + $0.position, item: $0.item, place: $0.place, token: items[$0.item].target[$0.place])
        }
      }
      try look(up: reads.sorted { $0.row < $1.row }, in: run, &scores)
    }
  }

  /// - Parameter reads: those of one row together.
  private func look(up reads: [Read], in run: ForwardRun, _ scores: inout [Score]) throws {
    var start = 0
    while start < reads.count {
      var rows: [Int] = []
      var byRow: [[Read]] = []
      while start < reads.count, rows.last == reads[start].row || rows.count < logitLimit {
        if rows.last != reads[start].row {
          rows.append(reads[start].row)
          byRow.append([])
        }
        byRow[byRow.count - 1].append(reads[start])
        start += 1
      }
      let logits = network.logits(of: run, rows: rows)
      let found = Mutex([(best: Int32, logs: [Float])](repeating: (0, []), count: rows.count))
      try parallelFor(rows.count, width: network.threads, state: {}) { [byRow] row, _ in
        let best = Int32(logits.mostProbable(row: row))
        let logs = byRow[row].map { logits.logProbability(row: row, token: Int($0.token)) }
        found.withLock { $0[row] = (best, logs) }
      }
      for ((best, logs), reads) in zip(found.withLock { $0 }, byRow) {
        for (read, log) in zip(reads, logs) {
          scores[read.item].logProbabilities[read.place] = log
          scores[read.item].said[read.place] = best
        }
      }
    }
  }
}
