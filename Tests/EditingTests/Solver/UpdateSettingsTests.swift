import Editing
import LinearAlgebra
import Testing

@Suite struct UpdateSettingsTests {
  @Test func `methods are known by name, and EMMET by two`() {
    for method in EditMethod.allCases { #expect(EditMethod(name: method.name) == method) }
    #expect(EditMethod(name: "emt") == .emmet)
    #expect(EditMethod(name: "magic") == nil)
  }

  @Test(arguments: [
    (EditMethod.memit, 15_000.0), (.pmet, 15_000), (.emmet, 0), (.rome, 0), (.alphaedit, 10),
  ])
  func `published settings give the ridge of the common form`(method: EditMethod, ridge: Double) {
    #expect(UpdateSettings(method).effectiveRidge == ridge)
  }

  @Test func `settings out of range are refused`() {
    func solver(_ settings: UpdateSettings) throws -> UpdateSolver {
      try UpdateSolver(settings: settings, metric: IdentityMetric(inputWidth: 3))
    }
    #expect(throws: EditError.invalidSecondMomentWeight(0)) { try solver(UpdateSettings(.memit, weight: 0)) }
    #expect(throws: EditError.invalidRidge(-1)) { try solver(UpdateSettings(.memit, ridge: -1)) }
    #expect(throws: EditError.primalFormNeedsRidge(method: .emmet)) {
      try solver(UpdateSettings(.emmet, form: .primal))
    }
    var alphaedit = UpdateSettings(.alphaedit)
    alphaedit.usesSecondMoment = false
    #expect(throws: EditError.methodNeedsSecondMoment(method: .alphaedit)) { try solver(alphaedit) }
  }

  @Test func `a metric of another kind traps`() async {
    await #expect(processExitsWith: .failure) {
      _ = try UpdateSolver(settings: UpdateSettings(method: .memit), metric: IdentityMetric(inputWidth: 3))
    }
  }
}

@Suite struct UpdateInputTests {
  func error(_ method: EditMethod = .memit, _ spoil: (inout SolverProblem) -> Void) -> EditError? {
    var problem = SolverProblem()
    spoil(&problem)
    do { _ = try problem.solve(UpdateSettings(method)) } catch { return error as? EditError }
    return nil
  }

  @Test func `what cannot be solved is refused, naming the edit`() {
    #expect(error { $0.keys[3, 5] = .nan } == .nonFiniteKey(edit: 3))
    #expect(error { $0.residuals[2, 1] = .infinity } == .nonFiniteResidual(edit: 2))
    #expect(error { problem in for j in 0..<40 { problem.keys[6, j] = 0 } } == .zeroKey(edit: 6))
    #expect(error { problem in for j in 0..<12 { problem.residuals[1, j] = 0 } } == .zeroResidual(edit: 1))
  }

  @Test func `shapes that do not belong together are refused with both numbers`() {
    #expect(error { $0.keys = $0.keys.selecting(rows: []) } == .noEdits)
    #expect(error { $0.keys = $0.keys.selecting(rows: 0..<6) } == .countsDiffer(keys: 6, residuals: 7))
    #expect(error { $0.keys = $0.residuals } == .widthsDiffer(keys: 12, secondMoment: 40))
    #expect(error(.rome) { _ in } == .methodTakesOneEdit(method: .rome, edits: 7))
  }

  @Test func `earlier keys are checked as well`() {
    let problem = SolverProblem()
    var broken = problem.earlierKeys
    broken[4, 0] = .nan
    #expect(throws: EditError.nonFiniteEarlierKey(index: 4)) {
      try problem.solve(UpdateSettings(.memit), earlierKeys: broken)
    }
    #expect(throws: EditError.earlierKeyWidthDiffers(keys: 40, earlierKeys: 12)) {
      try problem.solve(UpdateSettings(.memit), earlierKeys: problem.residuals)
    }
  }
}
