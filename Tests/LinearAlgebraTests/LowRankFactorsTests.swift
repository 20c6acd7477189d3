import LinearAlgebra
import Testing

@Suite struct LowRankFactorsTests {
  @Test(arguments: [(5, 7, 3), (5, 7, 6), (5, 7, 9), (7, 5, 6), (7, 5, 9)])
  func `norm and compression agree with the product`(outputWidth: Int, inputWidth: Int, rank: Int) {
    let factors = LowRankFactors(
      left: .random(outputWidth, rank, seed: 1), right: .random(rank, inputWidth, seed: 2))
    let product = Plain.product(factors.left, factors.right)
    let compressed = factors.compressed()
    #expect(abs(factors.frobeniusNorm / product.frobeniusNorm - 1) < Tolerance.double)
    #expect(compressed.rank == min(rank, outputWidth, inputWidth))
    #expect(compressed.product().relativeError(to: product) < Tolerance.double)
  }

  @Test func `factors of small rank are kept as they are`() {
    let factors = LowRankFactors(left: .random(5, 2, seed: 3), right: .random(2, 7, seed: 4))
    #expect(factors.compressed() == factors)
  }

  @Test func `the norm survives rows that cancel`() {
    // Δ = 1e8 (x) − 1e8 (x − 1e-8 y) = y: the Gram matrix of the rows would lose it entirely.
    let left = Matrix<Double>(rows: 1, columns: 2, elements: [1e8, -1e8])
    let right = Matrix<Double>(rows: 2, columns: 2, elements: [1, 0, 1, -1e-8])
    #expect(abs(LowRankFactors(left: left, right: right).frobeniusNorm - 1) < 1e-7)
  }
}
