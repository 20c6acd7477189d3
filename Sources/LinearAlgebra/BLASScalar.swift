/// A number OpenBLAS computes with: `Float` or `Double`.
///
/// The two conformances are the only code that calls C; everything above them is written once, for both.
/// Matrices are row-major, symmetric and triangular ones are given by their *lower* triangle, and sizes must
/// fit in 32 bits (a larger one traps). The names are those of BLAS and LAPACK without the letter for the type.
public protocol BLASScalar: BinaryFloatingPoint, Sendable {
  /// C ← α op(A) op(B) + β C, with op(A) `[m × k]`, op(B) `[k × n]`, and op the transpose where asked for.
  static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self,
    a: UnsafePointer<Self>, lda: Int, b: UnsafePointer<Self>, ldb: Int,
    beta: Self, c: UnsafeMutablePointer<Self>, ldc: Int)

  /// Lower triangle of C ← C + α A Aᵀ with A `[n × k]`, or C + α AᵀA with A `[k × n]` if transposed.
  static func syrk(
    transposed: Bool, n: Int, k: Int, alpha: Self, a: UnsafePointer<Self>, lda: Int,
    c: UnsafeMutablePointer<Self>, ldc: Int)

  /// y ← op(A) x with A `[rows × columns]`.
  static func gemv(
    transposed: Bool, rows: Int, columns: Int, a: UnsafePointer<Self>,
    x: UnsafePointer<Self>, y: UnsafeMutablePointer<Self>)

  /// The inner product of two vectors.
  static func dot(count: Int, _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>) -> Self

  /// The sum of squares, accumulated in `Double` whatever the type.
  static func sumOfSquares(count: Int, _ x: UnsafePointer<Self>) -> Double

  /// B ← op(L)⁻¹ B, or B ← B op(L)⁻¹ if `fromRight`, with B `[m × n]`.
  static func trsm(
    fromRight: Bool, transposed: Bool, m: Int, n: Int, l: UnsafePointer<Self>, ldl: Int,
    b: UnsafeMutablePointer<Self>, ldb: Int)

  /// Cholesky factor in place: the lower triangle of A becomes L, the rest is neither read nor written.
  static func potrf(n: Int, a: UnsafeMutablePointer<Self>) -> Int32

  /// The largest column sum of |A|, A symmetric.
  static func oneNorm(n: Int, a: UnsafePointer<Self>) -> Self

  /// An estimate of 1 / (‖A‖₁ ‖A⁻¹‖₁) from the factor L and ‖A‖₁.
  static func pocon(n: Int, l: UnsafePointer<Self>, oneNorm: Self) -> Self

  /// Eigenvalues, ascending; with vectors, row i of A becomes the eigenvector of eigenvalue i, else A is destroyed.
  static func syevd(
    n: Int, a: UnsafeMutablePointer<Self>, eigenvalues: UnsafeMutablePointer<Self>, withVectors: Bool
  ) -> Int32

  /// A = Q R for A `[m × n]`, m ≥ n: A becomes Q (orthonormal columns), `r` `[n × n]` is filled.
  static func qr(m: Int, n: Int, a: UnsafeMutablePointer<Self>, r: UnsafeMutablePointer<Self>)

  /// A = L Q for A `[m × n]`, m ≤ n: `l` `[m × m]` is filled, and A becomes Q (orthonormal rows) if asked for.
  static func lq(
    m: Int, n: Int, a: UnsafeMutablePointer<Self>, l: UnsafeMutablePointer<Self>, formQ: Bool)
}

/// Row-major lower is column-major upper: asking for the latter spares LAPACKE's transposed copy of the
/// matrix (order 3000: 84 MiB at the peak in place of 128, and 29 in place of 19 GFLOP/s).
let lowerSeenByLAPACK = CChar(UInt8(ascii: "U"))

/// A negative LAPACK code names a wrong argument: our mistake, never the caller's data.
func requireLegalArguments(_ info: Int32, _ routine: StaticString) {
  precondition(info >= 0, "\(routine) refuses its argument \(-info)")
}

/// Adds up a function of stretches of a vector, each of a length that the library's 32-bit counts hold: a matrix of 150,000 keys has
/// more than 2³¹ elements. One stretch is one call, with its own bits.
///
/// - Parameter body: is given where a stretch begins, and its length.
func addStretches<Sum: FloatingPoint>(
  _ count: Int, upTo limit: Int = 1 << 30, _ body: (_ start: Int, _ count: Int32) -> Sum
) -> Sum {
  guard count > limit else { return body(0, Int32(count)) }
  var sum: Sum = 0
  for start in stride(from: 0, to: count, by: limit) { sum += body(start, Int32(min(limit, count - start))) }
  return sum
}
