public import LinearAlgebra

/// What rounding is to lose least of: the objective that the update itself minimizes, J(Q) = tr((Q − W*) H (Q − W*)ᵀ).
///
///     H = P + Σ w k kᵀ
///
/// P says what else the weight is asked for, λC for MEMIT; the keys k are the edits' own, of weight 1 until one comes off badly.
public struct RoundingObjective: Sendable {
  /// The diagonal of P, which has nothing beside it. `[inputWidth]`
  public let diagonal: [Float]
  /// One row per key. `[keys × inputWidth]`
  public let keys: Matrix<Float>

  /// Joins the two.
  public init(diagonal: [Float], keys: Matrix<Float>) {
    precondition(keys.columns == diagonal.count, "both are as wide as the weight")
    self.diagonal = diagonal
    self.keys = keys
  }
}

/// An update that is to be rounded.
public enum WantedUpdate: Sendable {
  /// Δ = left · right.
  case factors(LowRankFactors)
  /// Δ. `[outputWidth × inputWidth]`
  case matrix(Matrix<Float>)

  /// Some rows of Δ, and of ΔKᵀ.
  struct Rows {
    let update: Matrix<Float>
    let atKeys: Matrix<Float>
  }

  /// The left factors of an update that has some. `[outputs × rank]`
  var left: Matrix<Double>? {
    switch self {
    case .factors(let factors): factors.left
    case .matrix: nil
    }
  }

  /// Prepares Δ and ΔKᵀ.
  func rows(keys: Matrix<Float>) -> @Sendable (Range<Int>) -> Rows {
    switch self {
    case .matrix(let update):
      return { range in
        let rows = update.selecting(rows: range)
        return Rows(update: rows, atKeys: rows.times(keys, otherTransposed: true))
      }
    case .factors(let factors):
      let (left, right) = (Matrix<Float>(factors.left), Matrix<Float>(factors.right))
      let atKeys = right.times(keys, otherTransposed: true)
      return { range in
        let rows = left.selecting(rows: range)
        return Rows(update: rows.times(right), atKeys: rows.times(atKeys))
      }
    }
  }
}
