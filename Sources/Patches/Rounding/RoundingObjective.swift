public import LinearAlgebra

/// What rounding is to lose least of: the objective that the update itself minimizes, J(Q) = tr((Q − W*) H (Q − W*)ᵀ).
///
///     H = P + Σ w k kᵀ
///
/// P says what else the weight is asked for, λC for MEMIT; the keys k are the edits' own, of weight 1 until one comes off badly.
public struct RoundingObjective: Sendable {
  /// P, symmetric and not negative. `[inputWidth × inputWidth]`
  public var preserved: Matrix<Float>
  /// One row per key. `[keys × inputWidth]`
  public let keys: Matrix<Float>
  /// P where it is a diagonal: then rows are held to each other as well (`RowCoupling`).
  let diagonal: [Float]?

  /// Joins the two.
  public init(preserved: consuming Matrix<Float>, keys: Matrix<Float>) {
    precondition(preserved.isSquare && preserved.columns == keys.columns, "both are as wide as the weight")
    self.init(preserved: preserved, diagonal: nil, keys: keys)
  }

  private init(preserved: consuming Matrix<Float>, diagonal: [Float]?, keys: Matrix<Float>) {
    self.preserved = preserved
    self.diagonal = diagonal
    self.keys = keys
  }

  /// Joins a diagonal P and keys.
  public init(diagonal: [Float], keys: Matrix<Float>) {
    var preserved = Matrix<Float>(rows: diagonal.count, columns: diagonal.count)
    for index in diagonal.indices { preserved[index, index] = diagonal[index] }
    precondition(keys.columns == diagonal.count, "both are as wide as the weight")
    self.init(preserved: preserved, diagonal: diagonal, keys: keys)
  }

  /// Hands over P, in whose storage H is made.
  mutating func takePreserved() -> Matrix<Float> {
    var taken = Matrix<Float>(rows: 0, columns: 0)
    swap(&taken, &preserved)
    return taken
  }
}

extension Matrix<Float> {
  /// Adds Σ w k kᵀ for the rows k of `keys`.
  mutating func add(keys: Matrix<Float>, weights: [Float]) {
    let used = weights.indices.filter { weights[$0] != 0 }
    guard !used.isEmpty else { return }
    let rows = keys.selecting(rows: used)
    var weighted = rows
    weighted.scale(rows: used.map { weights[$0] })
    addProduct(weighted, rows, firstTransposed: true)
  }
}

/// An update that is to be rounded.
public enum WantedUpdate: Sendable {
  /// Δ = left · right.
  case factors(LowRankFactors)
  /// Δ. `[outputWidth × inputWidth]`
  case matrix(Matrix<Float>)

  /// Some rows of Δ, and the same of ΔH.
  struct Rows {
    let update: Matrix<Float>
    let product: Matrix<Float>
  }

  /// The left factors of an update that has some. `[outputs × rank]`
  var left: Matrix<Double>? {
    switch self {
    case .factors(let factors): factors.left
    case .matrix: nil
    }
  }

  /// Prepares Δ and ΔH for a given H.
  func times(_ hessian: Matrix<Float>) -> @Sendable (Range<Int>) -> Rows {
    switch self {
    case .matrix(let update):
      return { range in
        let rows = update.selecting(rows: range)
        return Rows(update: rows, product: rows.times(hessian))
      }
    case .factors(let factors):
      let (left, right) = (Matrix<Float>(factors.left), Matrix<Float>(factors.right))
      let product = right.times(hessian)
      return { range in
        let rows = left.selecting(rows: range)
        return Rows(update: rows.times(right), product: rows.times(product))
      }
    }
  }
}
