// Symmetric products cost half of general ones because only the lower triangle is computed. It is also all that
// a factorization reads, so sums of many products mirror it once at the end.

extension Matrix {
  /// A Aᵀ: the inner products of the rows. `[rows × rows]`
  public func rowGram() -> Matrix {
    var gram = Matrix(rows: rows, columns: rows)
    gram.addRowGram(of: self)
    gram.mirrorLower()
    return gram
  }

  /// AᵀA: the inner products of the columns, or the sum of x xᵀ over the rows x. `[columns × columns]`
  public func columnGram() -> Matrix {
    var gram = Matrix(rows: columns, columns: columns)
    gram.addColumnGram(of: self)
    gram.mirrorLower()
    return gram
  }

  /// Lower triangle of C ← C + α A Aᵀ; `mirrorLower()` completes it. BLAS `syrk`.
  public mutating func addRowGram(of a: Matrix, scale: Scalar = 1) {
    precondition(rows == a.rows, "the inner products of n rows form an n × n matrix")
    addGram(of: a, inner: a.columns, transposed: false, scale: scale)
  }

  /// Lower triangle of C ← C + α AᵀA; `mirrorLower()` completes it. BLAS `syrk`.
  public mutating func addColumnGram(of a: Matrix, scale: Scalar = 1) {
    precondition(rows == a.columns, "the inner products of n columns form an n × n matrix")
    addGram(of: a, inner: a.rows, transposed: true, scale: scale)
  }

  private mutating func addGram(of a: Matrix, inner: Int, transposed: Bool, scale: Scalar) {
    precondition(isSquare, "inner products form a square matrix")
    let order = rows
    withUnsafeMutableBufferPointer { c in
      a.withUnsafeBufferPointer { elements in
        // SAFETY: the callers compared the order with A's rows or columns.
        guard let c = c.baseAddress, let elements = elements.baseAddress else { return }
        Scalar.syrk(
          transposed: transposed, n: order, k: inner, alpha: scale,
          a: elements, lda: a.columns, c: c, ldc: order)
      }
    }
  }
}
