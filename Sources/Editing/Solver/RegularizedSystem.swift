import LinearAlgebra

/// S = G + ρI, scaled to a unit diagonal and factored.
///
/// With a ridge worth the name it is positive definite and Cholesky succeeds. Without one, nearly parallel keys may need a jitter
/// of up to 1e-4 on the unit diagonal; beyond that the equations are solved in least squares over the directions
/// that can be told apart.
struct RegularizedSystem {
  /// τ on the unit diagonal.
  let jitter: Double
  /// Estimate for the scaled S, or its ratio of the largest to the smallest eigenvalue kept.
  let condition: Double
  /// The order of S, or the count of eigenvalues kept.
  let rank: Int
  var order: Int { scale.count }

  private let factor: Factor
  /// 1 / √S_ii.
  private let scale: [Double]

  private enum Factor {
    case cholesky(Cholesky<Double>)
    /// Rows are the eigenvectors kept, each divided by the root of its eigenvalue, so that S⁺ = VᵀV.
    case pseudoinverse(Matrix<Double>)
  }

  private static let jitters = [0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4]
  private static let minimumReciprocalCondition = 1e-10
  private static let smallestRelativeEigenvalue = 1e-8

  /// - Parameters:
  ///   - gram: G, symmetric, with a positive diagonal where ρ = 0.
  ///   - ridge: ρ ≥ 0.
  init(gram: consuming Matrix<Double>, ridge: Double) throws {
    for i in 0..<gram.rows { gram[i, i] += ridge }
    scale = gram.diagonal.map { 1 / $0.squareRoot() }
    gram.scale(rows: scale)
    gram.scale(columns: scale)
    // A ridge is the caller's own regularization: no further one unless S is singular to working precision.
    let minimum = ridge > 0 ? 1e-14 : Self.minimumReciprocalCondition
    if let (cholesky, jitter, reciprocalCondition) = Cholesky.taking(
      &gram, jitters: Self.jitters, minimumReciprocalCondition: { _ in minimum })
    {
      self.jitter = jitter
      condition = 1 / reciprocalCondition
      rank = cholesky.order
      factor = .cholesky(cholesky)
      return
    }
    let eigen: SymmetricEigen<Double>
    do throws(LinearAlgebraError) { eigen = try SymmetricEigen(of: gram) } catch {
      throw EditError.eigenvaluesNotFound(error)
    }
    let largest = eigen.values.last ?? 0
    let kept = eigen.values.indices.filter { eigen.values[$0] > Self.smallestRelativeEigenvalue * largest }
    var vectors = eigen.vectors.selecting(rows: kept)
    vectors.scale(rows: kept.map { 1 / eigen.values[$0].squareRoot() })
    jitter = 0
    condition = largest / (kept.first.map { eigen.values[$0] } ?? largest)
    rank = kept.count
    factor = .pseudoinverse(vectors)
  }

  /// Replaces each vector b by S⁻¹ b.
  func solve(_ b: inout Matrix<Double>, vectors: Cholesky<Double>.Vectors) {
    func applyScale() {
      if vectors == .rows { b.scale(columns: scale) } else { b.scale(rows: scale) }
    }
    applyScale()
    switch factor {
    case .cholesky(let cholesky):
      cholesky.solve(&b, vectors: vectors)
    case .pseudoinverse(let v) where vectors == .rows:
      b = b.times(v, otherTransposed: true).times(v)
    case .pseudoinverse(let v):
      b = v.times(v.times(b), transposed: true)
    }
    applyScale()
  }
}
