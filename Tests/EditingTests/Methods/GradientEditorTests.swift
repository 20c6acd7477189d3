import LinearAlgebra
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// UltraEdit.
@Suite struct GradientEditorTests {
  /// Float through four blocks, against the largest effect; the update is solved for in double.
  static let tolerance = 1e-4

  @Test(arguments: FixtureModel.names)
  func `updates are torch's, and so are those of a second batch`(name: String) throws {
    let reference = try MethodReference(name)
    let network = reference.model.network
    var settings = GradientSettings()
    settings.learningRate = try reference.number("rate")
    var editor = try GradientEditor(
      layers: reference.layers, settings: settings, solver: reference.solver(.ultraedit), threads: 1,
      network.configuration)
    for (prefix, range) in [("ultraedit", 0..<2), ("ultraedit.second", 2..<4)] {
      let (weights, values) = try editor.update(
        reference.batch(range), on: network, after: nil, progress: { _ in })
      #expect(values.count == 2 && values.allSatisfy { $0.losses.count == 1 && !$0.isVector })
      let norms = try reference.floats(prefix + ".norms")
      for (index, layer) in try reference.layers.enumerated() {
        let factors = try #require(weights.updates[index].solution?.factors)
        let effects = Matrix<Float>(
          weights.updates[index].keys.times(factors.right, otherTransposed: true)
            .times(factors.left, otherTransposed: true))
        let wanted = try reference.floats("\(prefix).effects.\(layer)")
        let error = relativeError(effects.elements, wanted)
        #expect(error < Self.tolerance, "\(prefix) at \(layer): \(error)")
        #expect(abs(factors.frobeniusNorm / Double(norms[index]) - 1) < Self.tolerance)
      }
    }
  }

  @Test func `features are normed by all that were seen`() {
    var generator = SplitMix64(state: 7)
    let all = Matrix<Double>.random(9, 4, using: &generator)
    var normalization = FeatureNormalization(width: 4)
    normalization.add(all.selecting(rows: 0..<4))
    normalization.add(all.selecting(rows: 4..<9))
    let normed = normalization.apply(all)
    for column in 0..<4 {
      let values = (0..<9).map { normed[$0, column] }
      #expect(abs(values.reduce(0, +)) < 1e-12 && abs(values.sumOfSquares / 8 - 1) < 1e-12)
    }
  }

  @Test func `an entry that never changes says nothing`() {
    var normalization = FeatureNormalization(width: 2)
    let all = Matrix(rows: 2, columns: 2, elements: [3.0, 1, 3, 2])
    normalization.add(all)
    #expect(normalization.apply(all)[0, 0] == 0)
  }

  @Test(arguments: FixtureModel.names)
  func `the loss falls, and a report is there for each fact`(name: String) throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel(name)
    let run = try model.run(.ultraedit, facts: 4)
    let report = try run.write("fix", in: folder)
    #expect(report.facts.allSatisfy { $0.after.probability > $0.before.probability })
    #expect(report.facts.map(\.column) == [0, 1, 2, 3])
    for weight in report.card.weights {
      #expect(weight.retentions.count == 4 && weight.retention > 0.9)
      #expect(weight.solution?.edits.count == 4 && weight.solution?.warnings == [])
    }
    #expect(
      try run.measures(applying: "fix", in: folder).map(\.probability)
        == report.facts.map(\.after.probability))
  }

  @Test func `a sequence carries its statistics over, and ends where the applied patch does`() throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(.ultraedit, facts: 5)
    run.plan.sequence = .accumulate(batch: 2)
    let report = try run.write("fix", in: folder)
    #expect(report.card.weights.allSatisfy { $0.retentions.count == 5 && $0.solution?.edits.count == 5 })
    #expect(
      try run.measures(applying: "fix", in: folder).map(\.probability)
        == report.facts.map(\.after.probability))
  }
}
