import Editing
import LinearAlgebra
import Testing
import TestSupport

@Suite struct SecondMomentTests {
  @Test func `a sum that is nearly symmetric is made so`() throws {
    let sum = Matrix<Double>(rows: 2, columns: 2, elements: [4, 1, 1.002, 9])
    #expect(try SecondMoment(sum: sum, tokenCount: 3).sum.elements == [4, 1.001, 1.001, 9])
  }

  @Test(arguments: [
    (2, 3, [4, 1, 0, 1, 9, 0], 5, EditError.secondMomentNotSquare(rows: 2, columns: 3)),
    (2, 2, [4, 1, 1, 9], 0, .noTokens(tokenCount: 0)),
    (2, 2, [4, 1, .infinity, 9], 5, .nonFiniteSecondMoment(row: 1, column: 0)),
    (2, 2, [4, 1, 1, -10], 5, .negativeSecondMoment(index: 1, value: -2)),
    (2, 2, [4, 0, 3, 9], 5, .secondMomentNotSymmetric(row: 1, column: 0, relativeDifference: 0.5)),
  ])
  func `a sum that cannot be one is refused`(
    rows: Int, columns: Int, elements: [Double], tokenCount: Int, error: EditError
  ) {
    let sum = Matrix(rows: rows, columns: columns, elements: elements)
    #expect(throws: error) { try SecondMoment(sum: sum, tokenCount: tokenCount) }
  }
}

@Suite struct SecondMomentFactorizationTests {
  let problem = SolverProblem()

  @Test func `reducing and expanding make the inverse`() throws {
    let factorization = try SecondMomentFactorization(problem.secondMoment())
    let adjusted = factorization.expand(factorization.reduce(problem.keys))
    let expected = PlainForms.solve(problem.mean, problem.keys.transposed()).transposed()
    #expect(adjusted.relativeError(to: expected) < 1e-10)
    #expect(factorization.jitter == 0)
    #expect(factorization.deadUnits.isEmpty)
  }

  @Test func `the quadratic form of rows adds up to the trace`() throws {
    let factorization = try SecondMomentFactorization(problem.secondMoment())
    var generator = SplitMix64(state: 3)
    let weight = Matrix<Float>(Matrix.random(13, 40, using: &generator))
    let dense = Matrix<Double>(weight)
    let expected = dense.times(problem.mean).times(dense, otherTransposed: true).diagonal.reduce(0, +)
    let actual =
      factorization.quadraticForm(ofRows: weight.selecting(rows: 0..<6))
      + factorization.quadraticForm(ofRows: weight.selecting(rows: 6..<13))
    #expect(abs(actual / expected - 1) < 1e-5)
  }

  @Test func `a unit that was never active is left alone`() throws {
    var dead = problem
    for j in 0..<40 {
      (dead.sum[11, j], dead.sum[j, 11]) = (0, 0)
    }
    for edit in 0..<7 { dead.keys[edit, 11] = 1e-3 }
    for method in [EditMethod.memit, .emmet] {
      let solution = try dead.solve(UpdateSettings(method, weight: 20))
      let update = solution.factors.product()
      #expect(solution.warnings == [.deadUnits(count: 1)])
      #expect(update.elements.allSatisfy { $0.isFinite })
      for i in 0..<12 { #expect(update[i, 11] == 0) }
    }
    // The others are solved as if it were not there.
    for edit in 0..<7 { dead.keys[edit, 11] = 0 }
    var without = dead.mean
    without[11, 11] = 1
    let expected = PlainForms.memit(
      keys: dead.keys, residuals: dead.residuals, mean: without, weight: 20)
    let update = try dead.solve(UpdateSettings(.memit, weight: 20)).factors.product()
    #expect(update.relativeError(to: expected) < 1e-10)
  }

  @Test func `keys that live on dead units do not belong to these statistics`() throws {
    var dead = problem
    for j in 0..<40 {
      (dead.sum[11, j], dead.sum[j, 11]) = (0, 0)
    }
    for j in 0..<40 { dead.keys[5, j] = j == 11 ? 1 : j == 0 ? 1 : 0 }
    for edit in 0..<7 where edit != 5 { dead.keys[edit, 11] = 0 }
    #expect(throws: EditError.statisticsDoNotFitKeys(edit: 5, share: 0.5)) {
      try dead.solve(UpdateSettings(.memit))
    }
  }

  @Test func `fewer tokens than inputs need a jitter and say so`() throws {
    let few = SolverProblem(tokenCount: 25)
    let factorization = try SecondMomentFactorization(few.secondMoment())
    #expect(factorization.jitter >= 1e-6 && factorization.jitter <= 1e-2)
    #expect(factorization.reciprocalCondition >= 1e-12)

    // The preservation loss is that of C itself, not of C with its jitter. The update lies almost wholly where C
    // vanishes, so twelve digits cancel, in the dense judge as well.
    let solver = try UpdateSolver(settings: UpdateSettings(.memit, weight: 20), metric: factorization)
    let solution = try solver.solve(keys: few.keys, residuals: few.residuals)
    let dense = solution.factors.product()
    let loss = dense.times(few.mean).times(dense, otherTransposed: true).diagonal.reduce(0, +)
    #expect(abs(try #require(solution.preservationLoss) / loss - 1) < 1e-2)
  }

  @Test func `a sum that is far from positive cannot be used`() throws {
    let sum = Matrix<Double>(rows: 2, columns: 2, elements: [1, 5, 5, 1])
    let moment = try SecondMoment(sum: sum, tokenCount: 9)
    #expect(throws: EditError.secondMomentUnusable(tokenCount: 9, width: 2, largestJitter: 1e-2)) {
      try SecondMomentFactorization(moment)
    }
  }
}

@Suite struct NullSpaceTests {
  /// Two inputs with eigenvalues 1 and 3, and one with 0.01.
  func moment() throws -> SecondMoment {
    let sum = Matrix<Double>(rows: 3, columns: 3, elements: [20, 10, 0, 10, 20, 0, 0, 0, 0.1])
    return try SecondMoment(sum: sum, tokenCount: 10)
  }

  @Test(arguments: [
    (NullSpaceThreshold.absolute(2e-2), 1), (.absolute(1.5), 2), (.absolute(5), 3),
    (.relative(1e-2), 1), (.relative(0.3), 2), (.relative(1), 3),
  ])
  func `thresholds count eigenvalues of the mean`(threshold: NullSpaceThreshold, rank: Int) throws {
    #expect(try NullSpace(moment(), threshold: threshold).reducedWidth == rank)
  }

  @Test func `reducing and expanding make the projection`() throws {
    let space = try NullSpace(moment(), threshold: .absolute(2e-2))
    let keys = Matrix<Double>(rows: 2, columns: 3, elements: [1, 2, 3, 0, 0, -5])
    let projected = space.expand(space.reduce(keys))
    #expect(projected.relativeError(to: Matrix(rows: 2, columns: 3, elements: [0, 0, 3, 0, 0, -5])) < 1e-12)
  }

  @Test func `no eigenvalue below the threshold is an error with the smallest`() throws {
    let error = #expect(throws: EditError.self) { try NullSpace(moment(), threshold: .absolute(1e-3)) }
    guard case .emptyNullSpace(threshold: .absolute(1e-3), let smallest) = error else {
      Issue.record("expected an empty null space, saw \(String(describing: error))")
      return
    }
    #expect(abs(smallest - 0.01) < 1e-12)
  }

  @Test func `a key outside the null space cannot be reached`() throws {
    let settings = UpdateSettings(.alphaedit)
    let solver = try UpdateSolver(settings: settings, metric: settings.makeMetric(from: moment()))
    let keys = Matrix<Double>(rows: 1, columns: 3, elements: [1, 2, 0])
    #expect(throws: EditError.unreachableKey(edit: 0)) {
      try solver.solve(keys: keys, residuals: Matrix(rows: 1, columns: 1, elements: [1]))
    }
  }
}
