import LinearAlgebra
import TestSupport

/// The closed forms as the papers print them, on dense matrices and with plain elimination: slow, and shared with
/// nothing in the solver.
enum PlainForms {
  /// Δ = R Kᵀ (λC + K_p K_pᵀ + K Kᵀ)⁻¹, MEMIT (arXiv:2210.07229) eq. 14. Keys and residuals in rows.
  static func memit(
    keys: Matrix<Double>, residuals: Matrix<Double>, mean: Matrix<Double>, weight: Double,
    earlierKeys: Matrix<Double>? = nil
  ) -> Matrix<Double> {
    var system = mean.scaled(by: weight).plus(keys.columnGram())
    if let earlierKeys { system = system.plus(earlierKeys.columnGram()) }
    let adjusted = solve(system, keys.transposed())
    return residuals.times(adjusted, transposed: true, otherTransposed: true)
  }

  /// Δᵀ = (P (K Kᵀ + K_p K_pᵀ) + L2 I)⁻¹ P K Rᵀ, AlphaEdit (arXiv:2410.02355): not a symmetric system.
  static func alphaEdit(
    keys: Matrix<Double>, residuals: Matrix<Double>, mean: Matrix<Double>, threshold: Double, ridge: Double,
    earlierKeys: Matrix<Double>? = nil
  ) throws -> Matrix<Double> {
    let eigen = try SymmetricEigen(of: mean)
    let basis = eigen.vectors.selecting(rows: eigen.values.indices.filter { eigen.values[$0] < threshold })
    let projection = basis.columnGram()
    let outer = earlierKeys.map { keys.columnGram().plus($0.columnGram()) } ?? keys.columnGram()
    let system = projection.times(outer).plus(Matrix.identity(mean.rows).scaled(by: ridge))
    let adjusted = solve(system, projection.times(keys, otherTransposed: true))
    return residuals.times(adjusted, transposed: true, otherTransposed: true)
  }

  /// A⁻¹ B by Gaussian elimination with row pivots.
  static func solve(_ a: Matrix<Double>, _ b: Matrix<Double>) -> Matrix<Double> {
    var (a, b) = (a, b)
    let order = a.rows
    for step in 0..<order {
      let pivot = (step..<order).max { abs(a[$0, step]) < abs(a[$1, step]) } ?? step
      for j in 0..<order { (a[step, j], a[pivot, j]) = (a[pivot, j], a[step, j]) }
      for j in 0..<b.columns { (b[step, j], b[pivot, j]) = (b[pivot, j], b[step, j]) }
      for i in 0..<order where i != step {
        let factor = a[i, step] / a[step, step]
        for j in step..<order { a[i, j] -= factor * a[step, j] }
        for j in 0..<b.columns { b[i, j] -= factor * b[step, j] }
      }
    }
    b.scale(rows: a.diagonal.map { 1 / $0 })
    return b
  }
}

extension Matrix<Double> {
  /// Uniform in −1…1.
  static func random(_ rows: Int, _ columns: Int, using generator: inout SplitMix64) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      elements: (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) })
  }

  func scaled(by factor: Double) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: elements.map { factor * $0 })
  }

  func plus(_ other: Matrix) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: zip(elements, other.elements).map { $0 + $1 })
  }

  /// ‖A − B‖_F / ‖B‖_F.
  func relativeError(to expected: Matrix) -> Double {
    precondition(rows == expected.rows && columns == expected.columns)
    return plus(expected.scaled(by: -1)).frobeniusNorm / expected.frobeniusNorm
  }
}
