internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

extension Network {
  /// Scores continuations: log p of each of their tokens, and the most probable token in its place.
  ///
  /// Every beginning that several of them share is run once. What a continuation scores does not depend on the others to more than the last
  /// bits, and not on the number of threads at all.
  ///
  /// - Throws: `NetworkError` for a token or a position that the network does not have.
  public func score(_ items: [Continuation]) throws -> [ContinuationScore] {
    for token in items.lazy.flatMap(\.target) { try configuration.check(token) }
    return try ContinuationScorer(network: self).score(items)
  }

  /// Bytes that scoring holds beside the weights, where so many rows are run in all.
  public func scoringByteCount(rows: Int, _ cost: NetworkCost) -> Int {
    let scorer = ContinuationScorer(network: self)
    // Few runs are made one after the other, each with all threads.
    let isWide = rows >= 4 * threads * scorer.rowLimit
    let own = min(rows, scorer.rowLimit) * cost.rowByteCount
    let logits = min(rows, scorer.logitLimit) * configuration.vocabularySize * 4
    return cost.fixedByteCount + (isWide ? threads : 1) * (own + logits)
  }
}

/// Scores continuations, running every beginning that several of them share once.
///
/// The texts, each without its last token, are sorted and run side by side, each going on from the one before it. Nothing is padded;
/// the last block is finished, and logits are formed, only where they are read.
private struct ContinuationScorer: Sendable {
  let network: Network

  /// Tokens of one run: enough for products at full rate, and so few that what a block makes of them stays near the processor, where
  /// that is possible at all, and below 128 MB.
  var rowLimit: Int {
    let c = network.configuration
    let width = (c.isGated ? 3 : 2) * c.feedForwardWidth + 4 * c.headCount * c.headWidth + 4 * c.width
    return max(64, min(c.feedForwardWidth > 4096 ? 1024 : 512, (128 << 20) / (4 * width)))
  }

  /// Rows of logits at once, so that they stay below 16 MB.
  var logitLimit: Int { max(64, (16 << 20) / (network.configuration.vocabularySize * 4)) }

  func score(_ items: [Continuation]) throws -> [ContinuationScore] {
    let scores = items.map {
      ContinuationScore(
        logProbabilities: [Float](repeating: 0, count: $0.target.count),
        mostProbable: [Int32](repeating: 0, count: $0.target.count))
    }
    var texts: [[Int32]: [Int]] = [:]
    for (index, item) in items.enumerated() {
      texts[item.prompt + item.target.dropLast(), default: []].append(index)
    }
    let runs = runs(of: texts.sorted { $0.key.lexicographicallyPrecedes($1.key) }, items)
    let found = Mutex(scores)
    // Many runs side by side, one thread each, or a few with all threads, one after the other: the bits are the same.
    let isWide = runs.count >= 4 * network.threads
    let network = isWide ? network.alone : network
    try parallelFor(runs.count, width: isWide ? self.network.threads : 1, state: {}) { index, _ in
      let answers = try answers(to: runs[index], network)
      found.withLock { scores in
        for (read, best, logProbability) in answers {
          scores[read.item].logProbabilities[read.place] = logProbability
          scores[read.item].mostProbable[read.place] = best
        }
      }
    }
    return found.withLock { $0 }
  }

  /// A token that is looked up after a row.
  private struct Read: Sendable {
    let row: Int
    let item: Int
    /// Which token of the item's target.
    let place: Int
    let token: Int32
  }

  /// Texts that are run together, and what is read, those of one row together.
  private struct Run: Sendable {
    var texts = SharedTexts()
    var reads: [Read] = []
  }

  /// - Parameter texts: sorted, each with the items that it serves.
  private func runs(of texts: [(key: [Int32], value: [Int])], _ items: [Continuation]) -> [Run] {
    var runs: [Run] = []
    var run = Run()
    for (text, followers) in texts {
      let (rows, cost) = (run.texts.rowCount, run.texts.cost(of: text))
      // The next run begins its first text anew: better where that has nothing in common with the last one.
      if rows > 0, rows + cost > rowLimit || rows > rowLimit * 3 / 4 && cost > text.count - 2 {
        runs.append(run)
        run = Run()
      }
      run.texts.add(text)
      for item in followers {
        let first = items[item].prompt.count - 1
        run.reads += items[item].target.enumerated().map { place, token in
          Read(row: run.texts.path[first + place], item: item, place: place, token: token)
        }
      }
    }
    if run.texts.rowCount > 0 { runs.append(run) }
    for index in runs.indices { runs[index].reads.sort { $0.row < $1.row } }
    return runs
  }

  private func answers(
    to run: Run, _ network: Network
  ) throws -> [(read: Read, best: Int32, logProbability: Float)] {
    let reads = run.reads
    var starts = reads.indices.filter { $0 == 0 || reads[$0 - 1].row != reads[$0].row }
    let rows = starts.map { reads[$0].row }
    starts.append(reads.count)
    let result = try network.run(run.texts.sequences, finishing: rows)
    var answers: [(read: Read, best: Int32, logProbability: Float)] = []
    answers.reserveCapacity(reads.count)
    for first in stride(from: 0, to: rows.count, by: logitLimit) {
      let slice = first..<min(first + logitLimit, rows.count)
      let own = slice.map { reads[starts[$0]..<starts[$0 + 1]] }
      let summaries = network.logits(of: result, rows: Array(rows[slice]))
        .summaries(of: own.map { $0.map { Int($0.token) } }, threads: network.threads)
      for (reads, summary) in zip(own, summaries) {
        for (read, logProbability) in zip(reads, summary.logProbabilities) {
          answers.append((read, Int32(summary.best), logProbability))
        }
      }
    }
    return answers
  }
}
