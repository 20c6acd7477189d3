// All solves are in place: the right-hand side becomes the solution. Vectors may be the rows of the matrix, which
// is how keys lie in a file, or its columns; neither takes a transpose.

extension Cholesky {
  /// Replaces each vector b by A⁻¹ b.
  public func solve(_ b: inout Matrix<Scalar>, vectors: Vectors) {
    solveLower(&b, vectors: vectors)
    solveLowerTransposed(&b, vectors: vectors)
  }

  /// Replaces each vector b by L⁻¹ b. BLAS `trsm`.
  public func solveLower(_ b: inout Matrix<Scalar>, vectors: Vectors) {
    solveTriangular(&b, vectors: vectors, transposed: false)
  }

  /// Replaces each vector b by L⁻ᵀ b. BLAS `trsm`.
  public func solveLowerTransposed(_ b: inout Matrix<Scalar>, vectors: Vectors) {
    solveTriangular(&b, vectors: vectors, transposed: true)
  }

  private func solveTriangular(_ b: inout Matrix<Scalar>, vectors: Vectors, transposed: Bool) {
    precondition((vectors == .rows ? b.columns : b.rows) == order, "a vector does not fit the factor")
    let (rows, columns) = (b.rows, b.columns)
    storage.withUnsafeBufferPointer { l in
      b.withUnsafeMutableBufferPointer { b in
        // SAFETY: the vectors have the factor's order, checked above.
        guard let l = l.baseAddress, let b = b.baseAddress else { return }
        // Row b of B turned by L⁻¹ is b L⁻ᵀ: solving rows means solving from the right with the other transpose.
        Scalar.trsm(
          fromRight: vectors == .rows, transposed: transposed != (vectors == .rows),
          m: rows, n: columns, l: l, ldl: order, b: b, ldb: columns)
      }
    }
  }
}
