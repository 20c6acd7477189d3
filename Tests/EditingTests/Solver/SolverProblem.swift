import Editing
import LinearAlgebra
import TestSupport

/// A small random problem with all sizes different, so that a swapped pair fails.
struct SolverProblem {
  let inputWidth: Int
  let outputWidth: Int
  /// `[edits × inputWidth]`
  var keys: Matrix<Double>
  /// `[edits × outputWidth]`
  var residuals: Matrix<Double>
  /// `[5 × inputWidth]`
  let earlierKeys: Matrix<Double>
  /// Σ k kᵀ of the tokens. `[inputWidth × inputWidth]`
  var sum: Matrix<Double>
  let tokenCount: Int

  init(
    seed: UInt64 = 1, inputWidth: Int = 40, outputWidth: Int = 12, edits: Int = 7, tokenCount: Int = 600
  ) {
    var generator = SplitMix64(state: seed)
    // Inputs of uneven size, as activations are, with a gap in the spectrum around AlphaEdit's threshold of 0.02.
    let scales = (0..<inputWidth).map { (input: Int) -> Double in
      input % 3 == 0 ? 0.05 : 3.0 / Double(1 + input % 7)
    }
    func draw(_ count: Int) -> Matrix<Double> {
      var matrix = Matrix<Double>.random(count, inputWidth, using: &generator)
      matrix.scale(columns: scales)
      return matrix
    }
    self.inputWidth = inputWidth
    self.outputWidth = outputWidth
    self.tokenCount = tokenCount
    keys = draw(edits)
    earlierKeys = draw(5)
    sum = draw(tokenCount).columnGram()
    residuals = .random(edits, outputWidth, using: &generator)
  }

  /// C, the mean.
  var mean: Matrix<Double> { sum.scaled(by: 1 / Double(tokenCount)) }

  func secondMoment() throws -> SecondMoment { try SecondMoment(sum: sum, tokenCount: tokenCount) }

  func solve(_ settings: UpdateSettings, earlierKeys: Matrix<Double>? = nil) throws -> UpdateSolution {
    try UpdateSolver(settings: settings, metric: settings.makeMetric(from: secondMoment()))
      .solve(keys: keys, residuals: residuals, earlierKeys: earlierKeys)
  }
}

extension UpdateSettings {
  /// Settings of a method with some of its numbers replaced.
  init(
    _ method: EditMethod, weight: Double? = nil, ridge: Double? = nil, threshold: NullSpaceThreshold? = nil,
    form: SolveForm = .automatic
  ) {
    self.init(method: method)
    if let weight { secondMomentWeight = weight }
    if let ridge { self.ridge = ridge }
    if let threshold { nullSpaceThreshold = threshold }
    self.form = form
  }
}
