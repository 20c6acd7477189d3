import LinearAlgebra

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

/// Seeded random numbers (Steele, Lea and Flood's SplitMix64), so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
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
