internal import COpenBLAS

extension Float: BLASScalar {
  /// The C function is `cblas_sgemm`.
  public static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    beta: Float, c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    blas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(m), Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }

  /// The C function is `cblas_ssyrk`.
  public static func syrk(
    transposed: Bool, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    blas_ssyrk(
      CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans,
      Int32(n), Int32(k), alpha, a, Int32(lda), 1, c, Int32(ldc))
  }

  /// The C function is `cblas_sgemv`.
  public static func gemv(
    transposed: Bool, rows: Int, columns: Int, a: UnsafePointer<Float>,
    x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
  ) {
    blas_sgemv(
      CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, Int32(rows), Int32(columns),
      1, a, Int32(columns), x, 1, 0, y, 1)
  }

  /// The C function is `cblas_sdot`.
  public static func dot(count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float {
    addStretches(count) { blas_sdot($1, x + $0, 1, y + $0, 1) }
  }

  /// The C function is `cblas_dsdot`.
  public static func sumOfSquares(count: Int, _ x: UnsafePointer<Float>) -> Double {
    addStretches(count) { blas_dsdot($1, x + $0, 1, x + $0, 1) }
  }

  /// The C function is `cblas_strsm`.
  public static func trsm(
    fromRight: Bool, transposed: Bool, m: Int, n: Int, l: UnsafePointer<Float>, ldl: Int,
    b: UnsafeMutablePointer<Float>, ldb: Int
  ) {
    blas_strsm(
      CblasRowMajor, fromRight ? CblasRight : CblasLeft, CblasLower,
      transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
      Int32(m), Int32(n), 1, l, Int32(ldl), b, Int32(ldb))
  }

  /// The C function is `spotrf_`.
  public static func potrf(n: Int, a: UnsafeMutablePointer<Float>) -> Int32 {
    let info = lapack_spotrf(lowerSeenByLAPACK, Int32(n), a, Int32(n))
    requireLegalArguments(info, "spotrf")
    return info
  }

  /// The C function is `slansy_`.
  public static func oneNorm(n: Int, a: UnsafePointer<Float>) -> Float {
    lapack_slansy(CChar(UInt8(ascii: "1")), lowerSeenByLAPACK, Int32(n), a, Int32(n))
  }

  /// The C function is `spocon_`.
  public static func pocon(n: Int, l: UnsafePointer<Float>, oneNorm: Float) -> Float {
    var reciprocal: Float = 0
    let info = lapack_spocon(lowerSeenByLAPACK, Int32(n), l, Int32(n), oneNorm, &reciprocal)
    requireLegalArguments(info, "spocon")
    return reciprocal
  }

  /// The C function is `ssyevd_`.
  public static func syevd(
    n: Int, a: UnsafeMutablePointer<Float>, eigenvalues: UnsafeMutablePointer<Float>, withVectors: Bool
  ) -> Int32 {
    let info = lapack_ssyevd(
      CChar(UInt8(ascii: withVectors ? "V" : "N")), lowerSeenByLAPACK, Int32(n), a,
      Int32(n),
      eigenvalues)
    requireLegalArguments(info, "ssyevd")
    return info
  }

  // Row-major A is column-major Aᵀ, and A = Q R says Aᵀ = Rᵀ Qᵀ: the QR of one is the LQ of the other.

  /// The C functions are `sgelqf_` and `sorglq_`.
  public static func qr(m: Int, n: Int, a: UnsafeMutablePointer<Float>, r: UnsafeMutablePointer<Float>) {
    var reflectors = [Float](repeating: 0, count: n)
    requireLegalArguments(
      lapack_sgelqf(Int32(n), Int32(m), a, Int32(n), &reflectors), "sgelqf")
    for i in 0..<n { for j in 0..<n { r[i * n + j] = i <= j ? a[i * n + j] : 0 } }
    requireLegalArguments(
      lapack_sorglq(Int32(n), Int32(m), Int32(n), a, Int32(n), reflectors), "sorglq")
  }

  /// The C functions are `sgeqrf_` and `sorgqr_`.
  public static func lq(
    m: Int, n: Int, a: UnsafeMutablePointer<Float>, l: UnsafeMutablePointer<Float>, formQ: Bool
  ) {
    var reflectors = [Float](repeating: 0, count: m)
    requireLegalArguments(
      lapack_sgeqrf(Int32(n), Int32(m), a, Int32(n), &reflectors), "sgeqrf")
    for i in 0..<m { for j in 0..<m { l[i * m + j] = j <= i ? a[i * n + j] : 0 } }
    guard formQ else { return }
    requireLegalArguments(
      lapack_sorgqr(Int32(n), Int32(m), Int32(m), a, Int32(n), reflectors), "sorgqr")
  }
}
