public import LinearAlgebra

/// Q = C⁻¹, held as a Cholesky factor: made once per layer, used for any number of batches and methods.
///
///     D^-½ C D^-½ + τI = L Lᵀ,   H = L⁻¹ D^-½,   D = diag(C)
///
/// In order of priority: it never divides by what is not there, it says what it had to change, it takes one matrix
/// `[inputWidth × inputWidth]` of `Double`, in the storage of the sum it is made from. Dividing by √C_ii on both
/// sides cures most bad conditioning, which comes from a few inputs with massive activations; units that were
/// never active are left out of the solve, so an update is zero there.
public final class SecondMomentFactorization: KeyMetric {
  /// The tokens behind the mean.
  public let tokenCount: Int
  /// τ, relative to the unit diagonal of D^-½ C D^-½; 0 unless C is singular to working precision.
  public let jitter: Double
  /// Estimate for D^-½ C D^-½ + τI.
  public let reciprocalCondition: Double
  /// Units that were never active in the statistics.
  public let deadUnits: [Int]

  private let cholesky: Cholesky<Double>
  /// √C_ii and its inverse; both 0 for dead units.
  private let scale: [Double]
  private let inverseScale: [Double]

  /// Factors a second moment. Hand it on with `consume`, and its storage becomes the factor.
  ///
  /// - Throws: `EditError.secondMomentUnusable` when even the largest jitter leaves it singular.
  /// - Complexity: inputWidth³ / 3 operations.
  public init(_ secondMoment: consuming SecondMoment) throws {
    let width = secondMoment.inputWidth
    let tokenCount = secondMoment.tokenCount
    let deadUnits = secondMoment.deadUnits
    var matrix = secondMoment.takeSum()

    let diagonal = matrix.diagonal
    var alive = [Bool](repeating: true, count: width)
    for unit in deadUnits { alive[unit] = false }
    scale = diagonal.indices.map { alive[$0] ? (diagonal[$0] / Double(tokenCount)).squareRoot() : 0 }
    inverseScale = scale.map { $0 > 0 ? 1 / $0 : 0 }

    // T cancels: both sides are divided by the roots of the sum's own diagonal.
    let normalization = diagonal.indices.map { alive[$0] ? 1 / diagonal[$0].squareRoot() : 0 }
    matrix.scale(rows: normalization)
    matrix.scale(columns: normalization)
    for i in 0..<width { matrix[i, i] = 1 }

    // The rank of C is at most T: with fewer tokens than inputs a jitter is needed from the start.
    let steps = tokenCount < width ? Self.jitters.filter { $0 >= 1e-6 } : [0] + Self.jitters
    guard
      let taken = Cholesky.taking(
        &matrix, jitters: steps, minimumReciprocalCondition: { $0 == 0 ? 1e-13 : 1e-12 })
    else {
      throw EditError.secondMomentUnusable(
        tokenCount: tokenCount, width: width, largestJitter: steps[steps.count - 1])
    }
    self.tokenCount = tokenCount
    self.deadUnits = deadUnits
    (cholesky, jitter, reciprocalCondition) = taken
  }

  private static let jitters = [1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2]

  /// Q = C⁻¹.
  public var kind: MetricKind { .inverseSecondMoment }
  /// The length of a key.
  public var inputWidth: Int { scale.count }
  /// The same: H is square.
  public var reducedWidth: Int { scale.count }

  /// Each row k becomes L⁻¹ D^-½ k.
  public func reduce(_ keys: consuming Matrix<Double>) -> Matrix<Double> {
    keys.scale(columns: inverseScale)
    cholesky.solveLower(&keys, vectors: .rows)
    return keys
  }

  /// Each row y becomes D^-½ L⁻ᵀ y.
  public func expand(_ reduced: consuming Matrix<Double>) -> Matrix<Double> {
    cholesky.solveLowerTransposed(&reduced, vectors: .rows)
    reduced.scale(columns: inverseScale)
    return reduced
  }

  /// tr(Δ C Δᵀ) = ‖left Z‖² − τ ‖Δ D^½‖², for H (C + τD) Hᵀ = I.
  public func preservationLoss(update: LowRankFactors, reduced: LowRankFactors) -> Double? {
    let withJitter = reduced.frobeniusNorm
    guard jitter > 0 else { return withJitter * withJitter }
    var right = update.right
    right.scale(columns: scale)
    let added = LowRankFactors(left: update.left, right: right).frobeniusNorm
    return max(0, withJitter * withJitter - jitter * added * added)
  }

  /// tr(Δ C Δᵀ) = tr(B C Bᵀ) with B = R · right, for left = Q R and Q orthonormal.
  public func preservationLoss(of update: LowRankFactors) -> Double? {
    let factors = update.compressed()
    guard factors.left.columns <= factors.left.rows else {
      return quadraticForm(ofRows: Matrix<Float>(factors.product()))
    }
    return quadraticForm(ofRows: Matrix<Float>(ThinQR(factors.left).r.times(factors.right)))
  }

  /// tr(B C Bᵀ) for some rows B of a weight; over all rows of W it sums to tr(W C Wᵀ), the scale of the
  /// preservation loss.
  ///
  /// - Parameter rows: B; a few hundred rows at a time share the conversion of the factor.
  ///   `[count × inputWidth]`
  /// - Complexity: count · inputWidth² operations in `Float`.
  public func quadraticForm(ofRows rows: consuming Matrix<Float>) -> Double {
    rows.scale(columns: scale.map(Float.init))
    let added = jitter * rows.elements.sumOfSquares
    return max(0, cholesky.squaredNorm(ofRows: rows) - added)
  }
}
