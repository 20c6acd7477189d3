import LinearAlgebra
import Testing

@Suite struct ProductsTests {
  @Test func `a product by hand`() {
    let a = Matrix<Double>(rows: 2, columns: 2, elements: [1, 2, 3, 4])
    let b = Matrix<Double>(rows: 2, columns: 2, elements: [5, 6, 7, 8])
    #expect(a.times(b).elements == [19, 22, 43, 50])
    #expect(a.times(b, transposed: true).elements == [26, 30, 38, 44])
    #expect(a.times(b, otherTransposed: true).elements == [17, 23, 39, 53])
    #expect(a.times([1, 10]) == [21, 43])
    #expect(a.times([1, 10], transposed: true) == [31, 42])
  }

  @Test(arguments: [false, true], [false, true])
  func `products equal the plain loops in both precisions`(first: Bool, second: Bool) {
    check(Double.self, first, second, tolerance: Tolerance.double)
    check(Float.self, first, second, tolerance: Tolerance.float)

    func check<S: BLASScalar>(_: S.Type, _ first: Bool, _ second: Bool, tolerance: Double)
    where S.RawSignificand: FixedWidthInteger {
      let a = Matrix<S>.random(5, 17, seed: 3)
      let b = Matrix<S>.random(17, 11, seed: 4)
      let c = Matrix<S>.random(5, 11, seed: 5)
      var expected = Plain.product(a, b)
      for i in 0..<5 { for j in 0..<11 { expected[i, j] = 2 * expected[i, j] - 3 * c[i, j] } }
      var actual = c
      actual.addProduct(
        first ? Plain.transpose(a) : a, second ? Plain.transpose(b) : b,
        firstTransposed: first, secondTransposed: second, alpha: 2, beta: -3)
      #expect(actual.relativeError(to: expected) < tolerance)
    }
  }

  @Test func `gram matrices equal products with the transpose`() {
    let a = Matrix<Double>.random(13, 70, seed: 6)
    let rows = Plain.product(a, Plain.transpose(a))
    let columns = Plain.product(Plain.transpose(a), a)
    #expect(a.rowGram().relativeError(to: rows) < Tolerance.double)
    #expect(a.columnGram().relativeError(to: columns) < Tolerance.double)
    #expect(Matrix<Float>(a).rowGram().relativeError(to: Matrix(rows)) < Tolerance.float)
    #expect(Matrix<Float>(a).columnGram().relativeError(to: Matrix(columns)) < Tolerance.float)
  }

  @Test func `gram matrices of parts add up`() {
    let a = Matrix<Double>.random(13, 20, seed: 7)
    var sum = Matrix<Double>(rows: 20, columns: 20)
    sum.addColumnGram(of: a.selecting(rows: 0..<4))
    sum.addColumnGram(of: a.selecting(rows: 4..<13))
    sum.addColumnGram(of: a, scale: 0.5)
    sum.mirrorLower()
    var expected = a.columnGram()
    expected.scale(rows: [Double](repeating: 1.5, count: 20))
    #expect(sum.relativeError(to: expected) < Tolerance.double)
  }

  @Test func `inner products and norms`() {
    #expect([3.0, 4].dot([1, 2]) == 11)
    #expect([Float(3), 4].sumOfSquares == 25)
    #expect(Matrix<Float>(rows: 2, columns: 1, elements: [3, 4]).frobeniusNorm == 5)
    // A Float sum would stop growing at 2²⁴.
    #expect([Float](repeating: 1, count: 20_000_000).sumOfSquares == 20_000_000)
  }

  @Test func `empty matrices have empty products`() {
    let none = Matrix<Double>(rows: 0, columns: 3)
    #expect(none.times(Matrix(rows: 3, columns: 2)) == Matrix(rows: 0, columns: 2))
    #expect(none.columnGram() == Matrix(rows: 3, columns: 3))
    #expect(none.frobeniusNorm == 0)
  }

  @Test func `shapes that do not fit trap`() async {
    await #expect(processExitsWith: .failure) {
      _ = Matrix<Double>(rows: 2, columns: 3).times(Matrix(rows: 2, columns: 3))
    }
  }
}
