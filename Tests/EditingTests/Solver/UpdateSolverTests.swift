import Editing
import LinearAlgebra
import Testing
import TestSupport

/// The laws of the common form: which methods are special cases of which, and what a solution must satisfy.
@Suite struct UpdateSolverTests {
  /// Both sides are exact in real numbers; condition numbers here are below 1e4.
  static let tolerance = 1e-10

  let problem = SolverProblem()

  @Test func `ROME and MEMIT by hand`() throws {
    var problem = SolverProblem(inputWidth: 2, outputWidth: 2, edits: 1)
    problem.sum = Matrix(rows: 2, columns: 2, elements: [1200, 600, 600, 1200])
    problem.keys = Matrix(rows: 1, columns: 2, elements: [1, 0])
    problem.residuals = Matrix(rows: 1, columns: 2, elements: [4, 2])

    let rome = try problem.solve(UpdateSettings(.rome))
    let exact = Matrix<Double>(rows: 2, columns: 2, elements: [4, -2, 2, -1])
    #expect(rome.factors.product().relativeError(to: exact) < Self.tolerance)
    #expect(abs(rome.updateNorm - 5) < Self.tolerance)
    #expect(abs(try #require(rome.preservationLoss) - 30) < Self.tolerance)
    #expect(rome.edits[0].memorizationError < Self.tolerance)

    let memit = try problem.solve(UpdateSettings(.memit, weight: 2))
    #expect(memit.factors.product().relativeError(to: exact.scaled(by: 0.25)) < Self.tolerance)
    #expect(abs(try #require(memit.preservationLoss) - 1.875) < Self.tolerance)
    #expect(abs(memit.edits[0].writtenFraction - 0.25) < Self.tolerance)
    #expect(abs(memit.edits[0].memorizationError - 0.75) < Self.tolerance)
    #expect(memit.effectiveRidge == 2)
  }

  @Test(arguments: [SolveForm.dual, .primal])
  func `MEMIT equals its paper's closed form`(form: SolveForm) throws {
    for earlier in [nil, problem.earlierKeys] {
      let expected = PlainForms.memit(
        keys: problem.keys, residuals: problem.residuals, mean: problem.mean, weight: 20,
        earlierKeys: earlier)
      let solution = try problem.solve(UpdateSettings(.memit, weight: 20, form: form), earlierKeys: earlier)
      #expect(solution.factors.product().relativeError(to: expected) < Self.tolerance)
      #expect(solution.form == form)
    }
  }

  @Test(arguments: [SolveForm.dual, .primal])
  func `AlphaEdit equals its paper's system that is not symmetric`(form: SolveForm) throws {
    for earlier in [nil, problem.earlierKeys] {
      let expected = try PlainForms.alphaEdit(
        keys: problem.keys, residuals: problem.residuals, mean: problem.mean, threshold: 2e-2, ridge: 0.5,
        earlierKeys: earlier)
      let settings = UpdateSettings(.alphaedit, ridge: 0.5, form: form)
      let solution = try problem.solve(settings, earlierKeys: earlier)
      #expect(solution.factors.product().relativeError(to: expected) < Self.tolerance)
    }
  }

  @Test func `EMMET with weight w and ridge ε is MEMIT with weight wε`() throws {
    let emmet = try problem.solve(UpdateSettings(.emmet, weight: 1000, ridge: 0.1))
    let memit = try problem.solve(UpdateSettings(.memit, weight: 100))
    #expect(emmet.factors.product().relativeError(to: memit.factors.product()) < Self.tolerance)
  }

  @Test func `EMMET with one edit is ROME, and MEMIT tends to it`() throws {
    let one = SolverProblem(edits: 1)
    let rome = try one.solve(UpdateSettings(.rome)).factors.product()
    let emmet = try one.solve(UpdateSettings(.emmet)).factors.product()
    let memit = try one.solve(UpdateSettings(.memit, weight: 1e-9)).factors.product()
    #expect(emmet == rome)
    #expect(memit.relativeError(to: rome) < 1e-6)
  }

  @Test func `PMET solves as MEMIT does`() throws {
    let pmet = try problem.solve(UpdateSettings(.pmet, weight: 20))
    let memit = try problem.solve(UpdateSettings(.memit, weight: 20))
    #expect(pmet.factors == memit.factors)
  }

  @Test func `without a ridge every value is stored exactly`() throws {
    let solution = try problem.solve(UpdateSettings(.emmet))
    let stored = problem.keys.times(solution.factors.product(), otherTransposed: true)
    #expect(stored.relativeError(to: problem.residuals) < Self.tolerance)
    for edit in solution.edits {
      #expect(edit.memorizationError < Self.tolerance)
      #expect(abs(edit.writtenFraction - 1) < Self.tolerance)
    }
  }

  @Test func `the weight of the second moment does not matter without a ridge`() throws {
    let light = try problem.solve(UpdateSettings(.emmet, weight: 1)).factors.product()
    let heavy = try problem.solve(UpdateSettings(.emmet, weight: 1e6)).factors.product()
    #expect(light.relativeError(to: heavy) < Self.tolerance)
  }

  @Test func `one MEMIT edit writes the share g over g plus λ`() throws {
    let one = SolverProblem(edits: 1)
    let adjusted = PlainForms.solve(one.mean, one.keys.transposed())
    let g = one.keys.times(adjusted)[0, 0]
    let solution = try one.solve(UpdateSettings(.memit, weight: 30))
    #expect(abs(solution.edits[0].writtenFraction - g / (g + 30)) < Self.tolerance)
    #expect(abs(solution.edits[0].memorizationError - 30 / (g + 30)) < Self.tolerance)
  }

  @Test func `no other exact update moves known keys less`() throws {
    // The objective tr((Δ + tZ) C (Δ + tZ)ᵀ) is least at t = 0 when ZK = 0: its derivative 2 tr(Z C Δᵀ) vanishes.
    let update = try problem.solve(UpdateSettings(.emmet)).factors.product()
    var generator = SplitMix64(state: 9)
    let orthonormalKeys = ThinLQ(problem.keys).q
    for _ in 0..<5 {
      let free = Matrix.random(problem.outputWidth, problem.inputWidth, using: &generator)
      let along = free.times(orthonormalKeys, otherTransposed: true).times(orthonormalKeys)
      let z = free.plus(along.scaled(by: -1))
      #expect(z.times(problem.keys, otherTransposed: true).frobeniusNorm < 1e-12)
      let moved = update.times(problem.mean)
      let derivative = z.elements.dot(moved.elements) / (z.frobeniusNorm * moved.frobeniusNorm)
      #expect(abs(derivative) < 1e-9)
    }
  }

  @Test func `without a second moment the update is the smallest that stores the values`() throws {
    var settings = UpdateSettings(.emmet)
    settings.usesSecondMoment = false
    let solution = try problem.solve(settings)
    let gram = problem.keys.rowGram()
    let expected = problem.residuals.times(PlainForms.solve(gram, problem.keys), transposed: true)
    #expect(solution.factors.product().relativeError(to: expected) < Self.tolerance)
    #expect(solution.preservationLoss == nil)
  }

  @Test(arguments: [EditMethod.memit, .emmet, .alphaedit])
  func `norm and preservation loss are those of the dense update`(method: EditMethod) throws {
    let solution = try problem.solve(UpdateSettings(method, weight: 20))
    let dense = solution.factors.product()
    let loss = dense.times(problem.mean).times(dense, otherTransposed: true).diagonal.reduce(0, +)
    #expect(abs(solution.updateNorm / dense.frobeniusNorm - 1) < Self.tolerance)
    #expect(abs(try #require(solution.preservationLoss) / loss - 1) < Self.tolerance)
  }

  @Test(arguments: [SolveForm.dual, .primal, .automatic])
  func `more edits than outputs or inputs keep the rank small`(form: SolveForm) throws {
    for edits in [17, 53] {
      let crowded = SolverProblem(edits: edits)
      let expected = PlainForms.memit(
        keys: crowded.keys, residuals: crowded.residuals, mean: crowded.mean, weight: 20)
      let solution = try crowded.solve(UpdateSettings(.memit, weight: 20, form: form))
      #expect(solution.factors.product().relativeError(to: expected) < Self.tolerance)
      #expect(solution.factors.rank == crowded.outputWidth)
      #expect(solution.edits.count == edits)
      #expect(form != .automatic || solution.form == (edits == 17 ? .dual : .primal))
    }
  }

  @Test func `more outputs than inputs keep the rank small as well`() throws {
    let tall = SolverProblem(inputWidth: 10, outputWidth: 40, edits: 23)
    let expected = PlainForms.memit(keys: tall.keys, residuals: tall.residuals, mean: tall.mean, weight: 20)
    let solution = try tall.solve(UpdateSettings(.memit, weight: 20))
    #expect(solution.factors.product().relativeError(to: expected) < Self.tolerance)
    #expect(solution.factors.rank == 10)
  }
}
