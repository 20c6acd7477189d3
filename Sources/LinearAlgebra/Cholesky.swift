/// The Cholesky factor of a symmetric positive definite matrix: A = L Lᵀ.
///
/// L lives in the lower triangle of the storage A had, so factoring takes no further matrix. The strict upper
/// triangle keeps what A held there and is never read as part of L.
public struct Cholesky<Scalar: BLASScalar>: Sendable {
  let storage: Matrix<Scalar>
  private let oneNorm: Scalar

  /// Which lines of a matrix are the vectors to solve for.
  public enum Vectors: Sendable {
    case rows, columns
  }

  /// The number of rows and of columns of A.
  public var order: Int { storage.rows }

  /// Factors A in place. LAPACK `potrf`.
  ///
  /// - Parameter matrix: A, of which only the lower triangle is read. Hand it on with `consume`: no copy is made.
  /// - Throws: `notPositiveDefinite` with the order of the first leading minor that is not; `notFinite`.
  public init(factoring matrix: consuming Matrix<Scalar>) throws(LinearAlgebraError) {
    precondition(matrix.isSquare, "only a square matrix has a Cholesky factor")
    try matrix.requireFinite()
    let oneNorm = Self.oneNorm(of: matrix)
    let info = Self.factor(&matrix)
    guard info == 0 else { throw .notPositiveDefinite(leadingMinor: info) }
    self.init(factor: matrix, oneNorm: oneNorm)
  }

  init(factor: consuming Matrix<Scalar>, oneNorm: Scalar) {
    storage = factor
    self.oneNorm = oneNorm
  }

  /// L itself, with zeros above the diagonal. `[order × order]`
  public var lower: Matrix<Scalar> {
    var lower = storage
    for i in 0..<order { for j in i + 1..<max(i + 1, order) { lower[i, j] = 0 } }
    return lower
  }

  /// An estimate of 1 / (‖A‖₁ ‖A⁻¹‖₁), never below the true value by construction. LAPACK `pocon`.
  public func reciprocalCondition() -> Scalar {
    Self.reciprocalCondition(ofFactor: storage, oneNorm: oneNorm)
  }

  static func reciprocalCondition(ofFactor factor: Matrix<Scalar>, oneNorm: Scalar) -> Scalar {
    factor.withUnsafeBufferPointer { l in
      // SAFETY: a factor is square.
      l.baseAddress.map { Scalar.pocon(n: factor.rows, l: $0, oneNorm: oneNorm) } ?? 1
    }
  }

  /// ‖A‖₁ of a symmetric matrix, from its lower triangle.
  static func oneNorm(of matrix: Matrix<Scalar>) -> Scalar {
    matrix.withUnsafeBufferPointer { a in
      // SAFETY: callers pass square matrices.
      a.baseAddress.map { Scalar.oneNorm(n: matrix.rows, a: $0) } ?? 0
    }
  }

  /// Overwrites the lower triangle with L; 0, or the order of the first minor that is not positive definite.
  static func factor(_ matrix: inout Matrix<Scalar>) -> Int {
    let order = matrix.rows
    return matrix.withUnsafeMutableBufferPointer { a in
      // SAFETY: callers pass square matrices.
      a.baseAddress.map { Int(Scalar.potrf(n: order, a: $0)) } ?? 0
    }
  }
}
