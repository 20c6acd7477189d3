import LinearAlgebra
import TestSupport
import Testing
import Transformer

@testable import Editing

/// PMET's two offsets.
@Suite struct AttentionOffsetTests {
  static let tolerance = 1e-4

  @Test(arguments: FixtureModel.names) func `losses and values are torch's, step by step`(name: String) throws
  {
    let reference = try MethodReference(name)
    let values = try reference.model.values(
      of: reference.model.facts(2), layer: #require(reference.layers.last)
    ) {
      $0.steps = Int(try! reference.setting("steps"))
      $0.learningRate = try! reference.setting("learning_rate")
      $0.weightDecay = try! reference.setting("weight_decay")
      $0.divergenceWeight = try! reference.setting("kl_weight")
      $0.clamp = try! reference.setting("clamp")
      $0.stop = .loss
      $0.target = .valueWithAttention
    }
    for (row, wanted) in try reference.rows("pmet.losses").enumerated() {
      let wanted = wanted.filter { !$0.isNaN }
      #expect(values[row].losses.count == wanted.count)
      let error = relativeError(values[row].losses, wanted)
      #expect(error < Self.tolerance, "fact \(row): \(error)")
      #expect(relativeError(values[row].start, try reference.rows("pmet.starts")[row]) < Self.tolerance)
      #expect(relativeError(values[row].value, try reference.rows("pmet.values")[row]) < 1e-3)
    }
  }

  private func state(_ change: (inout ValueSettings) -> Void = { _ in }) -> OffsetState {
    var settings = ValueSettings()
    settings.learningRate = 0.1
    settings.weightDecay = 0.5
    settings.target = .valueWithAttention
    change(&settings)
    return OffsetState(start: [3, 4], attention: [0, 2], settings: settings)
  }

  private func evaluation(_ loss: Float, says: Bool, divergence: Float) -> ValueLoss {
    var evaluation = ValueLoss(loss: loss, gradient: [1, -2], probability: 0.25, isMostProbable: says)
    evaluation.attentionGradient = [-1, 1]
    evaluation.divergence = divergence
    return evaluation
  }

  @Test func `both offsets move, each against its own gradient and within its own clamp`() {
    var state = state { $0.clamp = 0.05 }
    _ = state.take(evaluation(2, says: false, divergence: 1), isLast: false)
    let length = Float(2).squareRoot()
    #expect(zip(state.streams[0].offset, [-0.1, 0.1]).allSatisfy { ($0 - Float($1)).magnitude < 1e-6 })
    #expect(
      zip(state.streams[1].offset, [0.1 / length, -0.1 / length]).allSatisfy { ($0 - $1).magnitude < 1e-6 })
    _ = state.take(evaluation(2, says: false, divergence: 1), isLast: true)
    let decays = 0.5 * (0.1 * length / 25 + Float(0.1) / 4)
    #expect((state.result.losses[1] - 2 - decays).magnitude < 1e-6)
  }

  @Test func `targets that are said count a tenth, until they are not`() {
    var state = state()
    for (says, factor) in [(true, Float(0.1)), (false, 1), (true, 0.1)] {
      let stops = state.take(evaluation(2, says: says, divergence: 1), isLast: false)
      #expect(!stops && state.targetFactor == factor)
    }
  }

  @Test func `a target that is said without divergence is the end`() {
    for (says, divergence, ends) in [(true, Float(0.01), true), (true, 0.011, false), (false, 0, false)] {
      var state = state()
      let stops = state.take(evaluation(2, says: says, divergence: divergence), isLast: false)
      #expect(stops == ends && state.result.isReached == ends)
    }
  }

  @Test func `the best of the offsets is that with the least loss of targets that count in full`() {
    var state = state()
    var second = ValueLoss(loss: 1, gradient: [1, 1], probability: 0.5, isMostProbable: true, fullLoss: 5)
    second.attentionGradient = [1, 1]
    second.divergence = 1
    _ = state.take(evaluation(2, says: true, divergence: 1), isLast: false)
    _ = state.take(second, isLast: true)
    #expect(state.result.value == [3, 4])
  }
}
