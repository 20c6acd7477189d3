import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Editing

/// Several experts solved for at once, against one dense system in float64: `Fixtures/make/experts.py`.
@Suite struct StackedMetricTests {
  let tensors: ModelFile

  init() throws { tensors = try ModelFile(PackageFiles.path("Fixtures/reference/experts.safetensors")) }

  private func number(_ key: String) throws -> Double {
    try #require(tensors.metadata[0].first { $0.key == key }.flatMap { Double($0.value) })
  }

  /// The metric of the experts, those that no edit reaches left out.
  private func metric(_ settings: UpdateSettings, keys: Matrix<Double>) throws -> StackedMetric {
    var first = 0
    var parts: [StackedMetric.Part] = []
    for expert in 0..<3 {
      let moment = try SecondMoment(
        sum: tensors.matrix("\(expert).second_moment_sum"), tokenCount: Int(number("token_count")))
      let columns = first..<first + moment.inputWidth
      first += moment.inputWidth
      parts.append(
        .init(
          columns: columns, metric: keys.isUsed(columns) ? try settings.makeMetric(from: moment) : nil))
    }
    return StackedMetric(kind: settings.metric, inputWidth: first, parts: parts)
  }

  @Test(arguments: [EditMethod.memit, .emmet], [SolveForm.dual, .primal])
  func `the blocks give what one dense system gives`(method: EditMethod, form: SolveForm) throws {
    let (keys, residuals) = try (tensors.matrix("keys"), tensors.matrix("residuals"))
    let settings = UpdateSettings(
      method, weight: method == .memit ? try number("weight") : nil,
      ridge: method == .emmet ? try number("ridge") : nil, form: form)
    let metric = try metric(settings, keys: keys)
    #expect(metric.parts.map { $0.metric == nil } == [false, false, true])
    #expect(metric.reducedWidth == 12)
    let solution = try UpdateSolver(settings: settings, metric: metric).solve(
      keys: keys, residuals: residuals)
    let (found, wanted) = try (solution.factors.product(), tensors.matrix(method.name))
    for (a, b) in zip(found.elements, wanted.elements) { #expect(abs(a - b) < 1e-9) }
    // The loss of the whole is that of its parts, and the last expert does not change.
    let parts = metric.parts.compactMap { part in
      part.metric?.preservationLoss(of: solution.factors.inputs(part.columns))
    }
    let loss = try #require(solution.preservationLoss)
    #expect(abs(parts.reduce(0, +) - loss) < 1e-6 * loss)
    #expect(!solution.factors.right.isUsed(12..<18))
  }
}
