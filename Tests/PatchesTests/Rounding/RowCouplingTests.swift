import Floor
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Rows that are held to each other err less in the direction of the edit.
@Suite struct RowCouplingTests {
  /// Σ aₘ D aₘᵀ along the outputs of a rank-1 update, and what each key keeps.
  private func rounded(
    _ problem: AwareRoundingTests.Problem, coupled: Bool, threads: Int = 1
  ) throws -> (along: Double, retention: Double, bytes: [UInt8]) {
    let diagonal = problem.moment
    let result = try problem.rounded(threads: threads, together: coupled)
    var error = problem.moved(result.bytes)
    error.subtract(problem.update.product())
    let left = problem.update.left
    let length = left.elements.sumOfSquares.squareRoot()
    var along = 0.0
    for column in 0..<error.columns {
      let sum = (0..<error.rows).reduce(0.0) { $0 + left[$1, 0] / length * error[$1, column] }
      along += Double(diagonal[column]) * sum * sum
    }
    return (along, problem.retention(result.bytes), result.bytes)
  }

  @Test(arguments: [ElementType.q4_0, .q4_1, .q8_0])
  func `less is left along the edit's outputs, and the key keeps as much`(type: ElementType) throws {
    for seed in UInt64(1)...2 {
      let problem = try AwareRoundingTests.Problem(
        type, rows: 200, relativeNorm: type == .q8_0 ? 0.003 : 0.02, seed: seed)
      let (alone, together) = (try rounded(problem, coupled: false), try rounded(problem, coupled: true))
      #expect(together.along < 0.7 * alone.along, "\(together.along) of \(alone.along)")
      #expect(alone.retention > 0.9 && together.retention > 0.9, "\(alone.retention) \(together.retention)")
    }
  }

  @Test func `chains are the same whatever the threads`() throws {
    let problem = try AwareRoundingTests.Problem(.q4_0, rows: 300, relativeNorm: 0.02)
    let results = try [1, 2, 5].map { try rounded(problem, coupled: true, threads: $0).bytes }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func `directions are an orthonormal basis, also of factors that repeat`() throws {
    var generator = SplitMix64(state: 5)
    let first = generator.normals(40)
    let other = generator.normals(40)
    // A factor, its double, nothing, another one.
    let columns = [first, first.map { 2 * $0 }, [Double](repeating: 0, count: 40), other]
    let left = Matrix(rows: 4, columns: 40, elements: columns.flatMap { $0 }).transposed()
    let directions = Matrix<Double>(RowCoupling(left: left, width: 1).directions)
    #expect(directions.columns == 2)
    let gram = directions.times(directions, transposed: true)
    #expect(zip(gram.elements, [1, 0, 0, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
    // Both factors lie within its span.
    for factor in [first, other] {
      let wide = Matrix(rows: 1, columns: 40, elements: factor)
      let back = wide.times(directions).times(directions, otherTransposed: true)
      #expect(zip(back.elements, factor).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test func `the first row of a chain is asked for nothing but its own part, a later one for what is left`()
    throws
  {
    let left = Matrix<Double>(rows: 2, columns: 1, elements: [3, 4])
    let coupling = RowCoupling(left: left, width: 2)
    let chain = RowCoupling.Chain(coupling, of: 1)
    // u = (0.6, 0.8), μ = 4.
    let first = chain.pull(on: 0)
    #expect(abs(first.strength - 4 * 0.36) < 1e-5)
    #expect(first.asked[0] == 0 && first.asked[1] == 0)
    chain.add(0, error: [1, -3])
    // a = 0.6 e₀; for row 1: μ 0.8 · 0.6 · e₀.
    let second = chain.pull(on: 1)
    #expect(abs(second.strength - 4 * 0.64) < 1e-5)
    #expect(abs(second.asked[0] - 1.92) < 1e-5 && abs(second.asked[1] + 5.76) < 1e-5)
  }
}
