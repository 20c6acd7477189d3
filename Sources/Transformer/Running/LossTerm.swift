internal import Glibc
internal import Kernels
internal import ModelFiles

/// One term of a loss over logits.
public struct LossTerm: Sendable {
  /// What is asked of a row's distribution p.
  public enum Kind: Sendable {
    /// −log p(token).
    case target(Int)
    /// KL(p ‖ q) = Σ p (log p − log q), q given by its log-probabilities.
    case divergence(from: [Float])
    /// KL(q ‖ p) = Σ q (log q − log p), q likewise.
    case likeness(to: [Float])
  }

  /// The row of logits.
  public var row: Int
  /// What is asked of it.
  public var kind: Kind
  /// Its factor in the loss.
  public var weight: Float

  /// A term of a row.
  public init(row: Int, _ kind: Kind, weight: Float) {
    self.row = row
    self.kind = kind
    self.weight = weight
  }
}

extension Network {
  /// The value of each term, without its weight, and the gradient of their weighted sum.
  ///
  /// - Returns: `gradient`: ∂(Σ weight · value)/∂logits. `[rows of logits × vocabularySize]`
  /// - Throws: `NetworkError.unknownToken` for a target that the network does not have.
  public func loss(_ terms: [LossTerm], of logits: LogitRows) throws -> (values: [Float], gradient: Rows) {
    let count = configuration.vocabularySize
    for term in terms {
      switch term.kind {
      case .target(let token): try configuration.check(token)
      case .divergence(let reference), .likeness(let reference):
        precondition(reference.count == count, "log p of every token")
      }
    }
    let rows = logits.rows
    let gradient = work.pool.rows(rows.count, count)
    var byRow = [[Int]](repeating: [], count: rows.count)
    for (index, term) in terms.enumerated() { byRow[term.row].append(index) }
    let termsOfRows = byRow
    let values = work.pool.rows(1, max(terms.count, 1))
    work.forEach(rows.count, cost: rows.count * count * 8) { row in
      let (x, g) = (rows.row(row), gradient.row(row))
      g.update(repeating: 0, count: count)
      guard !termsOfRows[row].isEmpty else { return }
      let shift = errata_log_sum_exp(x, count)
      // A name keeps the rows alive: the memory of a temporary would go back to the pool, and to another thread, at once.
      let probabilities = work.pool.rows(1, count)
      let p = probabilities.base
      defer { withExtendedLifetime(probabilities) {} }
      errata_exp_minus(x, shift, p, count)
      for index in termsOfRows[row] {
        let weight = terms[index].weight
        switch terms[index].kind {
        case .target(let token):
          values.base[index] = shift - x[token]
          for v in 0..<count { g[v] += weight * p[v] }
          g[token] -= weight
        case .divergence(let reference):
          var sum: Float = 0
          for v in 0..<count { sum += p[v] * (x[v] - shift - reference[v]) }
          values.base[index] = sum
          for v in 0..<count { g[v] += weight * p[v] * (x[v] - shift - reference[v] - sum) }
        case .likeness(let reference):
          var sum: Float = 0
          for v in 0..<count {
            let q = expf(reference[v])
            sum += q * (reference[v] - x[v] + shift)
            g[v] += weight * (p[v] - q)
          }
          values.base[index] = sum
        }
      }
    }
    return (Array(UnsafeBufferPointer(start: values.base, count: terms.count)), gradient)
  }
}

extension LogitRows {
  /// Log-probabilities of all tokens after a row.
  public func logProbabilities(row: Int) -> [Float] {
    let x = rows.row(row)
    let shift = errata_log_sum_exp(x, rows.width)
    return (0..<rows.width).map { x[$0] - shift }
  }

  /// log p(token) after a row.
  public func logProbability(row: Int, token: Int) -> Float {
    precondition(token >= 0 && token < rows.width, "a token of the vocabulary")
    return rows.row(row)[token] - errata_log_sum_exp(rows.row(row), rows.width)
  }

  /// Whether a row's logits make a distribution: none is NaN or +∞, and one at least is above −∞.
  public func isNumber(row: Int) -> Bool { errata_log_sum_exp(rows.row(row), rows.width).isFinite }

  /// The most probable token after a row; the first of equals. What is no number counts as less than any.
  public func mostProbable(row: Int) -> Int {
    let x = rows.row(row)
    var best = 0
    for token in 1..<rows.width where x[token].isAbove(x[best]) { best = token }
    return best
  }

  /// The most probable tokens after a row, by falling logit, then by rising id.
  public func mostProbable(row: Int, count: Int) -> [Int] {
    let x = rows.row(row)
    var best: [Int] = []
    for token in 0..<rows.width {
      if best.count == count, let last = best.last, !x[token].isAbove(x[last]) { continue }
      let place = best.firstIndex { x[token].isAbove(x[$0]) } ?? best.count
      best.insert(token, at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}

extension Float {
  /// Whether a number is larger than another, or a number where the other is none.
  fileprivate func isAbove(_ other: Float) -> Bool { self > other || other.isNaN && !isNaN }
}
