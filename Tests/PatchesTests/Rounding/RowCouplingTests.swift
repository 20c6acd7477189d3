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
    let diagonal = (0..<problem.moment.rows).map { problem.moment[$0, $0] }
    var dense = Matrix<Float>(rows: diagonal.count, columns: diagonal.count)
    for index in diagonal.indices { dense[index, index] = diagonal[index] }
    let objective =
      coupled
      ? RoundingObjective(diagonal: diagonal, keys: problem.key)
      : RoundingObjective(preserved: dense, keys: problem.key)
    let result = try AwareRounding(
      .factors(problem.update), of: problem.tensor, bytes: problem.bytes, threads: threads
    ).round(keeping: objective)
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
    let directions = Matrix<Double>(RowCoupling(left: left, diagonal: [1]).directions)
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
    let coupling = RowCoupling(left: left, diagonal: [2, 5])
    var chain = RowCoupling.Chain(coupling, of: 1)
    let update: [Float] = [1, -1]
    let first = chain.pull(on: 0, update: update[...])
    // u = (0.6, 0.8); μ u² D = 4 · 0.36 · D, against e = −Δ.
    #expect(zip(first.curvature, [2.88, 7.2] as [Float]).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(zip(first.gradient, [-2.88, 7.2] as [Float]).allSatisfy { abs($0 - $1) < 1e-5 })
    chain.add(0, moved: [2, 0], update: update[...])
    // e₀ = (1, 1), a = 0.6 e₀; for row 1: μ (0.8 · 0.6 · e₀ − 0.64 Δ) D = (8 · (0.48 − 0.64), 20 · (0.48 + 0.64)).
    let second = chain.pull(on: 1, update: update[...]).gradient
    let wanted: [Float] = [-1.28, 22.4]
    #expect(zip(second, wanted).allSatisfy { abs($0 - $1) < 1e-4 })
  }
}
