public import LinearAlgebra

/// Which eigenvalues of the second moment count as zero.
public enum NullSpaceThreshold: Equatable, Sendable {
  /// Those below a value, as published; it depends on the scale of the activations.
  case absolute(Double)
  /// As many of the smallest as together hold at most this share of the trace.
  case relative(Double)

  /// How many of the ascending eigenvalues are taken.
  func count(of eigenvalues: [Double]) -> Int {
    switch self {
    case .absolute(let limit):
      return eigenvalues.prefix { $0 < limit }.count
    case .relative(let share):
      let limit = share * eigenvalues.reduce(0) { $0 + max($1, 0) }
      var sum = 0.0
      return eigenvalues.prefix {
        sum += max($0, 0)
        return sum <= limit
      }.count
    }
  }

  func validate() throws {
    switch self {
    case .absolute(let value), .relative(let value):
      guard value.isFinite, value > 0 else { throw EditError.invalidNullSpaceThreshold(value) }
    }
  }
}

/// Q = P, the projection onto the directions that known keys hardly use.
///
///     C = U Λ Uᵀ,   P = U₀ U₀ᵀ,   H = U₀ᵀ
///
/// U₀ holds the eigenvectors of the small eigenvalues. All of it is kept, although its complement is often smaller:
/// with the complement alone MᵀPM would be a difference of nearly equal numbers, for keys lie mostly outside the
/// null space, and tr(Δ C Δᵀ) could not be told.
///
/// - Source: AlphaEdit (arXiv:2410.02355), null-space projection.
public final class NullSpace: KeyMetric {
  /// What was asked for.
  public let threshold: NullSpaceThreshold
  /// Units that were never active in the statistics. They lie in the null space, and edits may use them.
  public let deadUnits: [Int]
  /// The length of a key.
  public let inputWidth: Int
  /// The eigenvalues that count as zero, ascending.
  public let eigenvalues: [Double]
  /// U₀ᵀ: row i is the eigenvector of eigenvalue i. `[rank × inputWidth]`
  private let basis: Matrix<Double>

  /// Decomposes a second moment. Hand it on with `consume`, and it is decomposed in its own storage.
  ///
  /// - Throws: `EditError.emptyNullSpace` when no eigenvalue is below the threshold.
  /// - Complexity: about 9 inputWidth³ operations; two further matrices while it works.
  public init(_ secondMoment: consuming SecondMoment, threshold: NullSpaceThreshold) throws {
    try threshold.validate()
    let width = secondMoment.inputWidth
    let tokenCount = Double(secondMoment.tokenCount)
    let deadUnits = secondMoment.deadUnits
    let eigen: SymmetricEigen<Double>
    do throws(LinearAlgebraError) {
      eigen = try SymmetricEigen(of: secondMoment.takeSum())
    } catch {
      throw EditError.eigenvaluesNotFound(error)
    }
    let eigenvalues = eigen.values.map { $0 / tokenCount }
    let rank = threshold.count(of: eigenvalues)
    guard rank > 0 else {
      throw EditError.emptyNullSpace(threshold: threshold, smallestEigenvalue: eigenvalues.first ?? 0)
    }
    self.threshold = threshold
    self.deadUnits = deadUnits
    inputWidth = width
    self.eigenvalues = Array(eigenvalues.prefix(rank))
    basis = eigen.vectors.selecting(rows: 0..<rank)
  }

  /// Q = P.
  public var kind: MetricKind { .nullSpaceProjection }
  /// Dimensions of the null space.
  public var reducedWidth: Int { basis.rows }

  /// Each row k becomes U₀ᵀ k.
  public func reduce(_ keys: consuming Matrix<Double>) -> Matrix<Double> {
    keys.times(basis, otherTransposed: true)
  }

  /// Each row y becomes U₀ y.
  public func expand(_ reduced: consuming Matrix<Double>) -> Matrix<Double> {
    reduced.times(basis)
  }

  /// tr(Δ C Δᵀ) = ‖left Z Λ₀^½‖².
  public func preservationLoss(update: LowRankFactors, reduced: LowRankFactors) -> Double? {
    var right = reduced.right
    right.scale(columns: eigenvalues.map { max($0, 0).squareRoot() })
    let norm = LowRankFactors(left: reduced.left, right: right).frobeniusNorm
    return norm * norm
  }

  /// Z = right · U₀, for a right factor that lies in the null space.
  public func preservationLoss(of update: LowRankFactors) -> Double? {
    preservationLoss(
      update: update, reduced: LowRankFactors(left: update.left, right: reduce(update.right)))
  }
}
