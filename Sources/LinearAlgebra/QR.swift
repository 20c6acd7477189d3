/// The thin factorization of a tall matrix: A = Q R. LAPACK `geqrf`, `orgqr`.
public struct ThinQR<Scalar: BLASScalar>: Sendable {
  /// Orthonormal columns. `[rows × columns]`
  public let q: Matrix<Scalar>
  /// Upper triangular. `[columns × columns]`
  public let r: Matrix<Scalar>

  /// Factors A `[rows × columns]`, rows ≥ columns, in place.
  public init(_ matrix: consuming Matrix<Scalar>) {
    precondition(matrix.rows >= matrix.columns, "a thin QR needs at least as many rows as columns")
    let (rows, columns) = (matrix.rows, matrix.columns)
    var r = Matrix<Scalar>(rows: columns, columns: columns)
    matrix.withUnsafeMutableBufferPointer { a in
      r.withUnsafeMutableBufferPointer { r in
        // SAFETY: the sizes are those of the two matrices.
        guard let a = a.baseAddress, let r = r.baseAddress else { return }
        Scalar.qr(m: rows, n: columns, a: a, r: r)
      }
    }
    q = matrix
    self.r = r
  }
}

/// The thin factorization of a wide matrix: A = L Q. LAPACK `gelqf`, `orglq`.
public struct ThinLQ<Scalar: BLASScalar>: Sendable {
  /// Lower triangular. `[rows × rows]`
  public let l: Matrix<Scalar>
  /// Orthonormal rows. `[rows × columns]`
  public let q: Matrix<Scalar>

  /// Factors A `[rows × columns]`, rows ≤ columns, in place.
  public init(_ matrix: consuming Matrix<Scalar>) {
    l = Self.factor(&matrix, formQ: true)
    q = matrix
  }

  /// L alone, at half the cost.
  public static func lower(of matrix: consuming Matrix<Scalar>) -> Matrix<Scalar> {
    factor(&matrix, formQ: false)
  }

  private static func factor(_ matrix: inout Matrix<Scalar>, formQ: Bool) -> Matrix<Scalar> {
    precondition(matrix.rows <= matrix.columns, "a thin LQ needs at least as many columns as rows")
    let (rows, columns) = (matrix.rows, matrix.columns)
    var l = Matrix<Scalar>(rows: rows, columns: rows)
    matrix.withUnsafeMutableBufferPointer { a in
      l.withUnsafeMutableBufferPointer { l in
        // SAFETY: the sizes are those of the two matrices.
        guard let a = a.baseAddress, let l = l.baseAddress else { return }
        Scalar.lq(m: rows, n: columns, a: a, l: l, formQ: formQ)
      }
    }
    return l
  }
}
