extension Cholesky<Double> {
  /// Columns of L that are converted to `Float` at a time: enough for a fast product, few enough to stay small.
  private static var panelWidth: Int { 256 }

  /// ‖X L‖²_F = tr(X A Xᵀ), the quadratic form of A summed over rows, with products in `Float`.
  ///
  /// - Parameter rows: X, any number of rows of a much larger matrix; more rows share the conversion of L.
  ///   `[count × order]`
  /// - Complexity: count · order² operations and one panel `[order × 256]`.
  public func squaredNorm(ofRows rows: Matrix<Float>) -> Double {
    precondition(rows.columns == order, "a row does not fit the factor")
    var sum = 0.0
    for first in stride(from: 0, to: order, by: Self.panelWidth) {
      let panel = floatPanel(from: first, width: min(Self.panelWidth, order - first))
      var product = Matrix<Float>(rows: rows.rows, columns: panel.columns)
      product.withUnsafeMutableBufferPointer { c in
        rows.withUnsafeBufferPointer { a in
          panel.withUnsafeBufferPointer { b in
            // SAFETY: columns first..<order of X meet the order − first rows of the panel; row strides unchanged.
            guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
            Float.gemm(
              transposeA: false, transposeB: false, m: rows.rows, n: panel.columns, k: panel.rows, alpha: 1,
              a: a + first, lda: rows.columns, b: b, ldb: panel.columns, beta: 0, c: c, ldc: panel.columns)
          }
        }
      }
      sum += product.elements.sumOfSquares
    }
    return sum
  }

  /// L[first..., first..<first + width], zero above the diagonal. `[(order − first) × width]`
  private func floatPanel(from first: Int, width: Int) -> Matrix<Float> {
    var panel = Matrix<Float>(rows: order - first, columns: width)
    panel.withUnsafeMutableBufferPointer { target in
      storage.withUnsafeBufferPointer { l in
        // SAFETY: i < order − first and j < width ≤ order − first, so both indices stay in their matrices.
        for i in 0..<order - first {
          for j in 0..<min(width, i + 1) {
            target[i * width + j] = Float(l[(first + i) * order + first + j])
          }
        }
      }
    }
    return panel
  }
}
