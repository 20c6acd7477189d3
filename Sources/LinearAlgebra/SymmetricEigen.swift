/// Eigenvalues and orthonormal eigenvectors of a symmetric matrix: A = Vᵀ diag(λ) V.
public struct SymmetricEigen<Scalar: BLASScalar>: Sendable {
  /// λ, ascending.
  public let values: [Scalar]
  /// V: row i is the eigenvector of `values[i]`. `[order × order]`
  public let vectors: Matrix<Scalar>

  /// Decomposes A in place, by divide and conquer. LAPACK `syevd`.
  ///
  /// - Parameter matrix: A, of which only the lower triangle is read. Hand it on with `consume`.
  /// - Throws: `notConverged`; `notFinite`.
  /// - Complexity: about 9 order³ operations; the workspace holds two further matrices.
  public init(of matrix: consuming Matrix<Scalar>) throws(LinearAlgebraError) {
    values = try Self.decompose(&matrix, withVectors: true)
    vectors = matrix
  }

  /// The eigenvalues alone, ascending, for a sixth of the operations.
  ///
  /// - Parameter matrix: A, of which only the lower triangle is read.
  /// - Throws: `notConverged`; `notFinite`.
  public static func values(of matrix: consuming Matrix<Scalar>) throws(LinearAlgebraError) -> [Scalar] {
    try decompose(&matrix, withVectors: false)
  }

  private static func decompose(
    _ matrix: inout Matrix<Scalar>, withVectors: Bool
  ) throws(LinearAlgebraError) -> [Scalar] {
    precondition(matrix.isSquare, "only a square matrix has eigenvalues")
    try matrix.requireFinite()
    let order = matrix.rows
    var values = [Scalar](repeating: 0, count: order)
    let info = matrix.withUnsafeMutableBufferPointer { a in
      values.withUnsafeMutableBufferPointer { w in
        // SAFETY: A holds order² elements, the eigenvalues have `order`.
        guard let a = a.baseAddress, let w = w.baseAddress else { return Int32(0) }
        return Scalar.syevd(n: order, a: a, eigenvalues: w, withVectors: withVectors)
      }
    }
    guard info == 0 else { throw .notConverged(count: Int(info)) }
    return values
  }
}
