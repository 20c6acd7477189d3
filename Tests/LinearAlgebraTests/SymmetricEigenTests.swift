import LinearAlgebra
import Testing

@Suite struct SymmetricEigenTests {
  @Test func `eigenvalues by hand`() throws {
    let eigen = try SymmetricEigen(of: Matrix<Double>(rows: 2, columns: 2, elements: [2, 1, 1, 2]))
    #expect(abs(eigen.values[0] - 1) < Tolerance.double)
    #expect(abs(eigen.values[1] - 3) < Tolerance.double)
    #expect(abs(eigen.vectors[0, 0] + eigen.vectors[0, 1]) < Tolerance.double)
    #expect(abs(eigen.vectors[1, 0] - eigen.vectors[1, 1]) < Tolerance.double)
  }

  @Test func `rows are orthonormal eigenvectors in ascending order`() throws {
    let a = Matrix<Double>.random(23, 29, seed: 1).rowGram()
    let eigen = try SymmetricEigen(of: a)
    let v = eigen.vectors
    #expect(eigen.values == eigen.values.sorted())
    #expect(v.rowGram().relativeError(to: .identity(23)) < Tolerance.double)
    var scaled = v
    scaled.scale(rows: eigen.values)
    #expect(v.times(scaled, transposed: true).relativeError(to: a) < Tolerance.double)
  }

  @Test func `float agrees with double`() throws {
    let a = Matrix<Double>.random(9, 11, seed: 2).rowGram()
    let (double, float) = (try SymmetricEigen(of: a).values, try SymmetricEigen(of: Matrix<Float>(a)).values)
    for (d, f) in zip(double, float) { #expect(abs(d - Double(f)) < Tolerance.float * double[8]) }
  }

  @Test func `the values alone are those that come with vectors`() throws {
    let a = Matrix<Double>.random(31, 40, seed: 3).rowGram()
    let (alone, values) = (try SymmetricEigen.values(of: a), try SymmetricEigen(of: a).values)
    for (one, other) in zip(alone, values) { #expect(abs(one - other) < Tolerance.double * values[30]) }
    let b = Matrix<Double>(rows: 1, columns: 1, elements: [.nan])
    #expect(throws: LinearAlgebraError.notFinite(row: 0, column: 0)) { try SymmetricEigen.values(of: b) }
  }

  @Test func `an infinite element is refused with its place`() {
    let a = Matrix<Double>(rows: 2, columns: 2, elements: [1, .infinity, 0, 1])
    #expect(throws: LinearAlgebraError.notFinite(row: 0, column: 1)) { try SymmetricEigen(of: a) }
  }
}
