import Editing
import LinearAlgebra
import Testing

/// Keys that are the same, nearly the same, or dependent.
@Suite struct ParallelEditsTests {
  /// The problem with edit 4 moved onto the key of edit 2, longer by a factor.
  func problem(factor: Double = 1, residualFactor: Double? = nil) -> SolverProblem {
    var problem = SolverProblem()
    for j in 0..<problem.inputWidth { problem.keys[4, j] = factor * problem.keys[2, j] }
    if let residualFactor {
      for j in 0..<problem.outputWidth { problem.residuals[4, j] = residualFactor * problem.residuals[2, j] }
    }
    return problem
  }

  @Test func `MEMIT stores about the mean of two values under one key`() throws {
    var pair = problem()
    pair.keys = pair.keys.selecting(rows: [2, 4])
    pair.residuals = pair.residuals.selecting(rows: [2, 4])
    let g = pair.keys.times(PlainForms.solve(pair.mean, pair.keys.transposed()))[0, 0]
    let solution = try pair.solve(UpdateSettings(.memit, weight: 3))
    let stored = solution.factors.product().times(Array(pair.keys.row(0)))
    for j in 0..<pair.outputWidth {
      let expected = (pair.residuals[0, j] + pair.residuals[1, j]) * g / (2 * g + 3)
      #expect(abs(stored[j] - expected) < 1e-10)
    }
  }

  @Test(arguments: [SolveForm.dual, .primal])
  func `with a ridge duplicate keys are reported`(form: SolveForm) throws {
    let warnings = try problem().solve(UpdateSettings(.memit, weight: 3, form: form)).warnings
    guard warnings.count == 1, case .duplicateKeys(first: 2, second: 4, let cosine) = warnings[0] else {
      Issue.record("expected one pair of duplicate keys, saw \(warnings)")
      return
    }
    #expect(abs(cosine - 1) < 1e-12)
  }

  @Test func `without a ridge different values under one key contradict each other`() {
    let error = #expect(throws: EditError.self) { try problem().solve(UpdateSettings(.emmet)) }
    guard case .contradictingEdits(first: 2, second: 4, cosine: _) = error else {
      Issue.record("expected contradicting edits, saw \(String(describing: error))")
      return
    }
  }

  @Test(arguments: [1.0, 2.5, -1.5])
  func `without a ridge an edit that repeats another is merged`(factor: Double) throws {
    let repeating = problem(factor: factor, residualFactor: factor)
    let solution = try repeating.solve(UpdateSettings(.emmet))
    #expect(solution.warnings == [.repeatedEdit(first: 2, second: 4)])
    #expect(solution.factors.rank == 6)
    #expect(solution.edits.count == 7)
    for edit in solution.edits { #expect(edit.memorizationError < 1e-10) }
  }

  @Test func `nearly parallel keys are reported and still solved`() throws {
    var near = problem()
    near.keys[4, 1] += 1e-2
    let solution = try near.solve(UpdateSettings(.emmet))
    let warnings = solution.warnings
    guard warnings.count == 1, case .nearParallelKeys(first: 2, second: 4, let cosine) = warnings[0] else {
      Issue.record("expected nearly parallel keys, saw \(warnings)")
      return
    }
    #expect(cosine > 0.98 && cosine < 1)
    #expect(solution.condition > 1e3)
    for edit in solution.edits { #expect(edit.memorizationError < 1e-8) }
  }

  @Test func `a key of an earlier edit is reported, or refused without a ridge`() throws {
    let problem = SolverProblem()
    let earlier = problem.keys.selecting(rows: [3])
    let warnings = try problem.solve(UpdateSettings(.memit, weight: 3), earlierKeys: earlier).warnings
    guard warnings.count == 1, case .parallelToEarlierKey(edit: 3, earlierKey: 0, _) = warnings[0] else {
      Issue.record("expected one earlier key, saw \(warnings)")
      return
    }
    let error = #expect(throws: EditError.self) {
      try problem.solve(UpdateSettings(.memit, ridge: 0), earlierKeys: earlier)
    }
    guard case .contradictsEarlierKey(edit: 3, earlierKey: 0, cosine: _) = error else {
      Issue.record("expected a contradiction, saw \(String(describing: error))")
      return
    }
  }

  @Test func `earlier keys are ignored, and said to be, by methods that know none`() throws {
    let problem = SolverProblem()
    let without = try problem.solve(UpdateSettings(.emmet))
    let with = try problem.solve(UpdateSettings(.emmet), earlierKeys: problem.earlierKeys)
    #expect(with.factors == without.factors)
    #expect(with.warnings == [.earlierKeysIgnored(count: 5)])
  }

  @Test func `dependent keys are solved in least squares`() throws {
    // Edit 6 is the sum of the first two: no pair is parallel, yet the Gram matrix is singular.
    var dependent = SolverProblem()
    for j in 0..<dependent.inputWidth { dependent.keys[6, j] = dependent.keys[0, j] + dependent.keys[1, j] }
    let jittered = try dependent.solve(UpdateSettings(.emmet))
    #expect(jittered.jitter > 0 || jittered.warnings == [.rankDeficient(rank: 6, keys: 7)])
    #expect(jittered.factors.product().elements.allSatisfy { $0.isFinite })
    for edit in 2..<6 { #expect(jittered.edits[edit].memorizationError < 1e-4) }
  }

  @Test func `more edits than inputs without a ridge are solved in least squares`() throws {
    let crowded = SolverProblem(edits: 53)
    let solution = try crowded.solve(UpdateSettings(.emmet))
    #expect(solution.form == .dual)
    #expect(solution.factors.product().elements.allSatisfy { $0.isFinite })
    #expect(solution.jitter > 0 || solution.warnings.contains(.rankDeficient(rank: 40, keys: 53)))
  }
}
