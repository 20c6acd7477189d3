internal import COpenBLAS

extension Double: BLASScalar {
  /// The C function is `cblas_dgemm`.
  public static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Double,
    a: UnsafePointer<Double>, lda: Int, b: UnsafePointer<Double>, ldb: Int,
    beta: Double, c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    blas_dgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(m), Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }

  /// The C function is `cblas_dsyrk`.
  public static func syrk(
    transposed: Bool, n: Int, k: Int, alpha: Double, a: UnsafePointer<Double>, lda: Int,
    c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    blas_dsyrk(
      CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans,
      Int32(n), Int32(k), alpha, a, Int32(lda), 1, c, Int32(ldc))
  }

  /// The C function is `cblas_dgemv`.
  public static func gemv(
    transposed: Bool, rows: Int, columns: Int, a: UnsafePointer<Double>,
    x: UnsafePointer<Double>, y: UnsafeMutablePointer<Double>
  ) {
    blas_dgemv(
      CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, Int32(rows), Int32(columns),
      1, a, Int32(columns), x, 1, 0, y, 1)
  }

  /// The C function is `cblas_ddot`.
  public static func dot(count: Int, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>) -> Double {
    addStretches(count) { blas_ddot($1, x + $0, 1, y + $0, 1) }
  }

  /// The C function is `cblas_ddot`.
  public static func sumOfSquares(count: Int, _ x: UnsafePointer<Double>) -> Double {
    addStretches(count) { blas_ddot($1, x + $0, 1, x + $0, 1) }
  }

  /// The C function is `cblas_dtrsm`.
  public static func trsm(
    fromRight: Bool, transposed: Bool, m: Int, n: Int, l: UnsafePointer<Double>, ldl: Int,
    b: UnsafeMutablePointer<Double>, ldb: Int
  ) {
    blas_dtrsm(
      CblasRowMajor, fromRight ? CblasRight : CblasLeft, CblasLower,
      transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
      Int32(m), Int32(n), 1, l, Int32(ldl), b, Int32(ldb))
  }

  /// The C function is `dpotrf_`.
  public static func potrf(n: Int, a: UnsafeMutablePointer<Double>) -> Int32 {
    let info = lapack_dpotrf(lowerSeenByLAPACK, Int32(n), a, Int32(n))
    requireLegalArguments(info, "dpotrf")
    return info
  }

  /// The C function is `dlansy_`.
  public static func oneNorm(n: Int, a: UnsafePointer<Double>) -> Double {
    lapack_dlansy(CChar(UInt8(ascii: "1")), lowerSeenByLAPACK, Int32(n), a, Int32(n))
  }

  /// The C function is `dpocon_`.
  public static func pocon(n: Int, l: UnsafePointer<Double>, oneNorm: Double) -> Double {
    var reciprocal: Double = 0
    let info = lapack_dpocon(lowerSeenByLAPACK, Int32(n), l, Int32(n), oneNorm, &reciprocal)
    requireLegalArguments(info, "dpocon")
    return reciprocal
  }

  /// The C function is `dsyevd_`.
  public static func syevd(
    n: Int, a: UnsafeMutablePointer<Double>, eigenvalues: UnsafeMutablePointer<Double>, withVectors: Bool
  ) -> Int32 {
    let info = lapack_dsyevd(
      CChar(UInt8(ascii: withVectors ? "V" : "N")), lowerSeenByLAPACK, Int32(n), a,
      Int32(n),
      eigenvalues)
    requireLegalArguments(info, "dsyevd")
    return info
  }

  // Row-major A is column-major Aᵀ, and A = Q R says Aᵀ = Rᵀ Qᵀ: the QR of one is the LQ of the other.

  /// The C functions are `dgelqf_` and `dorglq_`.
  public static func qr(m: Int, n: Int, a: UnsafeMutablePointer<Double>, r: UnsafeMutablePointer<Double>) {
    var reflectors = [Double](repeating: 0, count: n)
    requireLegalArguments(
      lapack_dgelqf(Int32(n), Int32(m), a, Int32(n), &reflectors), "dgelqf")
    for i in 0..<n { for j in 0..<n { r[i * n + j] = i <= j ? a[i * n + j] : 0 } }
    requireLegalArguments(
      lapack_dorglq(Int32(n), Int32(m), Int32(n), a, Int32(n), reflectors), "dorglq")
  }

  /// The C functions are `dgeqrf_` and `dorgqr_`.
  public static func lq(
    m: Int, n: Int, a: UnsafeMutablePointer<Double>, l: UnsafeMutablePointer<Double>, formQ: Bool
  ) {
    var reflectors = [Double](repeating: 0, count: m)
    requireLegalArguments(
      lapack_dgeqrf(Int32(n), Int32(m), a, Int32(n), &reflectors), "dgeqrf")
    for i in 0..<m { for j in 0..<m { l[i * m + j] = j <= i ? a[i * n + j] : 0 } }
    guard formQ else { return }
    requireLegalArguments(
      lapack_dorgqr(Int32(n), Int32(m), Int32(m), a, Int32(n), reflectors), "dorgqr")
  }
}
