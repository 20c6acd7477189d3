internal import LinearAlgebra

/// The metric of keys that stand above each other, as those of a layer's experts do: each weight's own, and nothing between them.
///
///     G = Σ_e K̃_eᵀ Q_e K̃_e,   Δ_e = R (G + ρI)⁻¹ K̃_eᵀ Q_e
///
/// so that experts share the left factor of an update, and one whose keys are all 0 does not change. What keys of different experts have to do
/// with each other on known text is left out of C, as in MoEEdit.
///
/// - Source: arXiv:2602.10965, arXiv:2605.16686 (the equal closed form).
struct StackedMetric: KeyMetric {
  /// One of the weights.
  struct Part: Sendable {
    /// Columns of the keys.
    let columns: Range<Int>
    /// `nil` where none of the keys reaches it.
    let metric: (any KeyMetric)?
  }

  let kind: MetricKind
  let inputWidth: Int
  let parts: [Part]

  var reducedWidth: Int { parts.reduce(0) { $0 + ($1.metric?.reducedWidth ?? 0) } }
  var deadUnits: [Int] {
    parts.flatMap { part in (part.metric?.deadUnits ?? []).map { part.columns.lowerBound + $0 } }
  }

  func reduce(_ keys: consuming Matrix<Double>) -> Matrix<Double> {
    var reduced = Matrix<Double>(rows: keys.rows, columns: reducedWidth)
    var first = 0
    for part in parts {
      guard let metric = part.metric else { continue }
      reduced.replace(columnsFrom: first, with: metric.reduce(keys.columns(part.columns)))
      first += metric.reducedWidth
    }
    return reduced
  }

  func expand(_ reduced: consuming Matrix<Double>) -> Matrix<Double> {
    var keys = Matrix<Double>(rows: reduced.rows, columns: inputWidth)
    var first = 0
    for part in parts {
      guard let metric = part.metric else { continue }
      keys.replace(
        columnsFrom: part.columns.lowerBound,
        with: metric.expand(reduced.columns(first..<first + metric.reducedWidth)))
      first += metric.reducedWidth
    }
    return keys
  }

  func preservationLoss(update: LowRankFactors, reduced: LowRankFactors) -> Double? {
    var first = 0
    var total = 0.0
    for part in parts {
      guard let metric = part.metric else { continue }
      let own = LowRankFactors(
        left: reduced.left, right: reduced.right.columns(first..<first + metric.reducedWidth))
      guard let loss = metric.preservationLoss(update: update.inputs(part.columns), reduced: own) else {
        return nil
      }
      total += loss
      first += metric.reducedWidth
    }
    return total
  }

  func preservationLoss(of update: LowRankFactors) -> Double? {
    var total = 0.0
    for part in parts {
      guard let metric = part.metric else { continue }
      guard let loss = metric.preservationLoss(of: update.inputs(part.columns)) else { return nil }
      total += loss
    }
    return total
  }
}

extension LowRankFactors {
  /// The part of Δ that reads some of the inputs.
  func inputs(_ columns: Range<Int>) -> LowRankFactors {
    LowRankFactors(left: left, right: right.columns(columns))
  }
}

extension Matrix where Scalar == Double {
  /// A copy of some columns.
  func columns(_ range: Range<Int>) -> Matrix {
    var elements: [Double] = []
    elements.reserveCapacity(rows * range.count)
    for row in 0..<rows {
      elements += self.elements[row * columns + range.lowerBound..<row * columns + range.upperBound]
    }
    return Matrix(rows: rows, columns: range.count, elements: elements)
  }

  mutating func replace(columnsFrom first: Int, with other: Matrix) {
    for row in 0..<rows { for column in 0..<other.columns { self[row, first + column] = other[row, column] } }
  }

  /// Whether some number in these columns is not 0.
  func isUsed(_ range: Range<Int>) -> Bool {
    (0..<rows).contains { row in
      elements[row * columns + range.lowerBound..<row * columns + range.upperBound].contains { $0 != 0 }
    }
  }
}
