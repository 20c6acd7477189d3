import LinearAlgebra
import Testing

@Suite struct MatrixTests {
  let a = Matrix<Double>(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6])

  @Test func `elements lie row by row`() {
    #expect(a[0, 2] == 3)
    #expect(a[1, 0] == 4)
    #expect(Array(a.row(1)) == [4, 5, 6])
    #expect(a.diagonal == [1, 5])
  }

  @Test func `a transpose turns rows into columns`() {
    #expect(a.transposed() == Matrix(rows: 3, columns: 2, elements: [1, 4, 2, 5, 3, 6]))
    let large = Matrix<Float>.random(131, 67, seed: 1)
    #expect(large.transposed() == Plain.transpose(large))
  }

  @Test func `rows can be selected and stacked`() {
    #expect(a.selecting(rows: [1]) == Matrix(rows: 1, columns: 3, elements: [4, 5, 6]))
    #expect(a.selecting(rows: [1, 0, 1]).elements == [4, 5, 6, 1, 2, 3, 4, 5, 6])
    #expect(a.selecting(rows: 0..<1).stacked(on: a.selecting(rows: [1])) == a)
  }

  @Test func `scaling multiplies rows or columns`() {
    var (rows, columns) = (a, a)
    rows.scale(rows: [2, 10])
    columns.scale(columns: [1, 10, 100])
    #expect(rows.elements == [2, 4, 6, 40, 50, 60])
    #expect(columns.elements == [1, 20, 300, 4, 50, 600])
  }

  @Test func `conversion to float rounds and back is exact`() {
    let third = Matrix<Double>(rows: 1, columns: 1, elements: [1 / 3])
    #expect(Matrix<Float>(third)[0, 0] == Float(1) / 3)
    #expect(Matrix<Double>(Matrix<Float>(a)) == a)
  }

  @Test func `the first element that is not finite is found`() {
    var broken = a
    #expect(broken.firstNonFinite() == nil)
    broken[1, 2] = .nan
    broken[1, 1] = -.infinity
    let place = broken.firstNonFinite()
    #expect(place?.row == 1 && place?.column == 1)
  }

  @Test func `symmetrizing takes the mean and names the worst pair`() {
    var matrix = Matrix<Double>(rows: 3, columns: 3, elements: [4, 1, 0, 3, 9, 5, 0, 5, 1])
    let worst = matrix.symmetrize()
    #expect(matrix.elements == [4, 2, 0, 2, 9, 5, 0, 5, 1])
    #expect(worst.row == 1 && worst.column == 0)
    #expect(worst.relativeDifference == 2.0 / 6)
  }

  @Test func `mirroring copies one triangle over all tiles`() {
    let matrix = Matrix<Double>.random(131, 131, seed: 2)
    var (lower, upper) = (matrix, matrix)
    lower.mirrorLower()
    upper.mirrorUpper()
    for i in 0..<131 {
      for j in 0..<131 {
        #expect(lower[i, j] == matrix[max(i, j), min(i, j)])
        #expect(upper[i, j] == matrix[min(i, j), max(i, j)])
      }
    }
  }

  @Test func `a wrong count of elements traps`() async {
    await #expect(processExitsWith: .failure) {
      _ = Matrix<Double>(rows: 2, columns: 2, elements: [1, 2, 3])
    }
  }
}
