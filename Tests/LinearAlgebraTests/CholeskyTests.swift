import LinearAlgebra
import Testing

@Suite struct CholeskyTests {
  /// A positive definite matrix of any order.
  static func positiveDefinite(_ order: Int, seed: UInt64) -> Matrix<Double> {
    Matrix<Double>.random(order, 2 * order + 3, seed: seed).rowGram()
  }

  @Test func `a factor by hand, whatever the upper triangle holds`() throws {
    let cholesky = try Cholesky(factoring: Matrix<Double>(rows: 2, columns: 2, elements: [4, 777, 2, 3]))
    let expected = Matrix<Double>(rows: 2, columns: 2, elements: [2, 0, 1, 2.0.squareRoot()])
    #expect(cholesky.lower.relativeError(to: expected) < Tolerance.double)
  }

  @Test func `the factor times its transpose is the matrix`() throws {
    let a = Self.positiveDefinite(37, seed: 1)
    let l = try Cholesky(factoring: a).lower
    #expect(l.times(l, otherTransposed: true).relativeError(to: a) < Tolerance.double)
  }

  @Test(arguments: [Cholesky<Double>.Vectors.rows, .columns])
  func `solutions satisfy their equations`(vectors: Cholesky<Double>.Vectors) throws {
    let a = Self.positiveDefinite(37, seed: 2)
    let cholesky = try Cholesky(factoring: a)
    let b = Matrix<Double>.random(vectors == .rows ? 5 : 37, vectors == .rows ? 37 : 5, seed: 3)
    func columns(_ matrix: Matrix<Double>) -> Matrix<Double> {
      vectors == .rows ? matrix.transposed() : matrix
    }
    func check(_ operand: Matrix<Double>, _ solve: (inout Matrix<Double>) -> Void) {
      var x = b
      solve(&x)
      #expect(operand.times(columns(x)).relativeError(to: columns(b)) < 1e-10)
    }
    check(a) { cholesky.solve(&$0, vectors: vectors) }
    check(cholesky.lower) { cholesky.solveLower(&$0, vectors: vectors) }
    check(cholesky.lower.transposed()) { cholesky.solveLowerTransposed(&$0, vectors: vectors) }
  }

  @Test func `float agrees with double`() throws {
    let a = Self.positiveDefinite(19, seed: 4)
    let float = try Cholesky<Float>(factoring: Matrix(a)).lower
    #expect(try Matrix(float).relativeError(to: Cholesky(factoring: a).lower) < Tolerance.float)
  }

  @Test func `the first minor that is not positive is named`() {
    let a = Matrix<Double>(rows: 3, columns: 3, elements: [1, 0, 0, 0, 1, 2, 0, 2, 1])
    #expect(throws: LinearAlgebraError.notPositiveDefinite(leadingMinor: 3)) { try Cholesky(factoring: a) }
  }

  @Test func `a matrix with a NaN is refused with its place`() {
    let a = Matrix<Double>(rows: 2, columns: 2, elements: [1, 0, .nan, 1])
    #expect(throws: LinearAlgebraError.notFinite(row: 1, column: 0)) { try Cholesky(factoring: a) }
  }

  @Test func `the reciprocal condition of a diagonal is its ratio`() throws {
    let a = Matrix<Double>(rows: 3, columns: 3, elements: [8, 0, 0, 0, 4, 0, 0, 0, 2])
    #expect(abs(try Cholesky(factoring: a).reciprocalCondition() - 0.25) < Tolerance.double)
  }

  @Test func `a jitter ladder stops at the first step that suffices`() throws {
    var singular = Matrix<Double>(rows: 2, columns: 2, elements: [1, 1, 1, 1])
    let (factor, jitter, reached) = try #require(
      Cholesky.taking(&singular, jitters: [0, 1e-3, 1e-2], minimumReciprocalCondition: { _ in 4e-4 }))
    #expect(jitter == 1e-3)
    #expect(reached == factor.reciprocalCondition())
    let l = factor.lower
    let expected = Matrix<Double>(rows: 2, columns: 2, elements: [1.001, 1, 1, 1.001])
    #expect(l.times(l, otherTransposed: true).relativeError(to: expected) < Tolerance.double)
    #expect(singular.elements.isEmpty)
  }

  @Test func `a jitter ladder that fails gives the matrix back`() {
    let indefinite = Matrix<Double>(rows: 3, columns: 3, elements: [1, 2, 3, 2, 1, 4, 3, 4, 1])
    var matrix = indefinite
    #expect(Cholesky.taking(&matrix, jitters: [0, 0.1], minimumReciprocalCondition: { _ in 0 }) == nil)
    #expect(matrix == indefinite)
  }

  @Test func `the norm of rows times the factor equals the quadratic form`() throws {
    // More than one panel of 256 columns, and rows that are not a multiple of anything.
    let a = Self.positiveDefinite(301, seed: 5)
    let rows = Matrix<Float>.random(7, 301, seed: 6)
    let x = Matrix<Double>(rows)
    let expected = x.times(a).times(x, otherTransposed: true).diagonal.reduce(0, +)
    let actual = try Cholesky(factoring: a).squaredNorm(ofRows: rows)
    #expect(abs(actual / expected - 1) < Tolerance.float)
  }
}
