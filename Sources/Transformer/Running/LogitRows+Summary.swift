internal import Kernels
internal import LinearAlgebra
internal import Synchronization

extension LogitRows {
  /// What is read of a row of logits.
  struct Summary: Sendable {
    /// The most probable token; the first of equals.
    var best = 0
    /// log p of each token that was asked for.
    var logProbabilities: [Float] = []
  }

  /// The most probable token after each row, and log p of some tokens, in one go over its logits.
  ///
  /// - Parameter tokens: for each row.
  func summaries(of tokens: [[Int]], threads: Int) -> [Summary] {
    precondition(tokens.count == rows.count, "tokens for each row")
    let found = Mutex([Summary](repeating: Summary(), count: tokens.count))
    // The body does not throw, so neither does the loop.
    try? parallelFor(tokens.count, width: threads, state: {}) { row, _ in
      let summary = summary(row: row, of: tokens[row])
      found.withLock { $0[row] = summary }
    }
    return found.withLock { $0 }
  }

  private func summary(row: Int, of tokens: [Int]) -> Summary {
    let x = rows.row(row)
    var summary = Summary()
    let shift = errata_summarize(x, rows.width, &summary.best)
    summary.logProbabilities = tokens.map { token in
      precondition(token >= 0 && token < rows.width, "a token of the vocabulary")
      return x[token] - shift
    }
    return summary
  }
}
