import LinearAlgebra
import TestSupport

/// The plain forms, written for the eye: they judge what BLAS and LAPACK return.
enum Plain {
  static func product<S>(_ a: Matrix<S>, _ b: Matrix<S>) -> Matrix<S> {
    var c = Matrix<S>(rows: a.rows, columns: b.columns)
    for i in 0..<a.rows {
      for j in 0..<b.columns {
        for k in 0..<a.columns { c[i, j] += a[i, k] * b[k, j] }
      }
    }
    return c
  }

  static func transpose<S>(_ a: Matrix<S>) -> Matrix<S> {
    var b = Matrix<S>(rows: a.columns, columns: a.rows)
    for i in 0..<a.rows { for j in 0..<a.columns { b[j, i] = a[i, j] } }
    return b
  }
}

extension Matrix {
  /// Uniform in −1…1.
  static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix
  where Scalar.RawSignificand: FixedWidthInteger {
    var generator = SplitMix64(state: seed)
    return Matrix(
      rows: rows, columns: columns,
      elements: (0..<rows * columns).map { _ in Scalar.random(in: -1...1, using: &generator) })
  }

  /// The largest difference of two elements, relative to the largest element expected.
  func relativeError(to expected: Matrix) -> Double {
    precondition(rows == expected.rows && columns == expected.columns)
    let scale = expected.elements.map { Double($0.magnitude) }.max() ?? 0
    let worst = zip(elements, expected.elements).map { Double(($0 - $1).magnitude) }.max() ?? 0
    return scale > 0 ? worst / scale : worst
  }
}

/// A few roundings for sums of at most a few hundred products.
enum Tolerance {
  static let double = 1e-13
  static let float = 1e-5
}
