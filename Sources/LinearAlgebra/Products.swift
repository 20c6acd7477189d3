extension Matrix {
  /// The matrix product A B, either side transposed where asked for.
  public func times(
    _ other: Matrix, transposed: Bool = false, otherTransposed: Bool = false
  ) -> Matrix {
    var product = Matrix(
      rows: transposed ? columns : rows, columns: otherTransposed ? other.rows : other.columns)
    product.addProduct(self, other, firstTransposed: transposed, secondTransposed: otherTransposed)
    return product
  }

  /// C ← α op(A) op(B) + β C, where op is the transpose if asked for. BLAS `gemm`.
  ///
  /// - Parameters:
  ///   - first: A, with op(A) `[rows × inner]`.
  ///   - second: B, with op(B) `[inner × columns]`.
  public mutating func addProduct(
    _ first: Matrix, _ second: Matrix, firstTransposed: Bool = false, secondTransposed: Bool = false,
    alpha: Scalar = 1, beta: Scalar = 1
  ) {
    let inner = firstTransposed ? first.rows : first.columns
    precondition(
      inner == (secondTransposed ? second.columns : second.rows), "inner sizes of a product differ")
    precondition(rows == (firstTransposed ? first.columns : first.rows), "rows of a product differ")
    precondition(columns == (secondTransposed ? second.rows : second.columns), "columns of a product differ")
    let (rows, columns) = (rows, columns)
    withUnsafeMutableBufferPointer { c in
      first.withUnsafeBufferPointer { a in
        second.withUnsafeBufferPointer { b in
          // SAFETY: the three shapes were compared above; an empty matrix has no address and no work.
          guard let c = c.baseAddress, let a = a.baseAddress, let b = b.baseAddress else { return }
          Scalar.gemm(
            transposeA: firstTransposed, transposeB: secondTransposed, m: rows, n: columns, k: inner,
            alpha: alpha, a: a, lda: first.columns, b: b, ldb: second.columns,
            beta: beta, c: c, ldc: columns)
        }
      }
    }
  }

  /// A x, or Aᵀ x if transposed. BLAS `gemv`.
  public func times(_ vector: [Scalar], transposed: Bool = false) -> [Scalar] {
    precondition(vector.count == (transposed ? rows : columns), "a vector does not fit its matrix")
    var result = [Scalar](repeating: 0, count: transposed ? columns : rows)
    withUnsafeBufferPointer { a in
      vector.withUnsafeBufferPointer { x in
        result.withUnsafeMutableBufferPointer { y in
          // SAFETY: both vectors were sized to the matrix above.
          guard let a = a.baseAddress, let x = x.baseAddress, let y = y.baseAddress else { return }
          Scalar.gemv(transposed: transposed, rows: rows, columns: columns, a: a, x: x, y: y)
        }
      }
    }
    return result
  }

  /// √(Σ A_ij²), accumulated in `Double`.
  public var frobeniusNorm: Double { elements.sumOfSquares.squareRoot() }
}

extension Array where Element: BLASScalar {
  /// Σ x_i y_i. BLAS `dot`.
  public func dot(_ other: [Element]) -> Element {
    precondition(count == other.count, "an inner product takes vectors of one length")
    return withUnsafeBufferPointer { x in
      other.withUnsafeBufferPointer { y in
        // SAFETY: both hold `count` elements.
        guard let x = x.baseAddress, let y = y.baseAddress else { return 0 }
        return Element.dot(count: count, x, y)
      }
    }
  }

  /// Σ x_i², accumulated in `Double`.
  public var sumOfSquares: Double {
    withUnsafeBufferPointer { x in
      // SAFETY: the pointer holds `count` elements.
      x.baseAddress.map { Element.sumOfSquares(count: count, $0) } ?? 0
    }
  }
}

extension Matrix<Float> {
  /// The product with a vector, summed in order: the same bits at any number of threads.
  public func plainProduct(_ vector: [Float]) -> [Float] {
    (0..<rows).map { index in zip(row(index), vector).reduce(Float(0)) { $0 + $1.0 * $1.1 } }
  }
}
