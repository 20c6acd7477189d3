import Testing

@testable import Editing

/// Adam's steps, worked out by hand for a state (3, 4), whose length is 5.
@Suite struct OffsetStateTests {
  private func state(_ change: (inout ValueSettings) -> Void = { _ in }) -> OffsetState {
    var settings = ValueSettings()
    settings.learningRate = 0.1
    settings.weightDecay = 0
    change(&settings)
    return OffsetState(start: [3, 4], settings: settings)
  }

  private func evaluation(_ loss: Float, _ gradient: [Float] = [1, -2], says: Bool = false) -> ValueLoss {
    ValueLoss(loss: loss, gradient: gradient, probability: 0.25, isMostProbable: says)
  }

  private func expect(_ found: [Float], _ wanted: [Float]) {
    #expect(zip(found, wanted).allSatisfy { ($0 - $1).magnitude < 1e-6 }, "\(found) is not \(wanted)")
  }

  @Test func `the first step goes against the signs of the gradient`() {
    var state = state()
    _ = state.take(evaluation(2), isLast: false)
    expect(state.offset, [-0.1, 0.1])
    // m = 0.1·1 then 0.9·0.1 + 0.1·3 = 0.39, v = 0.001 then 0.000999 + 0.009 = 0.009999; corrected 0.39/0.19, 0.009999/0.001999.
    _ = state.take(evaluation(2, [3, -2]), isLast: false)
    let step = Float(0.1) * (0.39 / 0.19) / (Float(0.009999) / 0.001999).squareRoot()
    expect(state.offset, [-0.1 - step, 0.2])
  }

  @Test func `an offset is cut back to the clamp`() {
    var state = state { $0.clamp = 0.01 }
    _ = state.take(evaluation(2), isLast: false)
    let entry = Float(0.05) / Float(2).squareRoot()
    expect(state.offset, [-entry, entry])
    _ = state.take(evaluation(1), isLast: true)
    #expect(state.result.isClamped)
    expect(state.result.value, [3 - entry, 4 + entry])
  }

  @Test func `weight decay adds the offset's length over the state's squared`() {
    var state = state { $0.weightDecay = 0.5 }
    _ = state.take(evaluation(2), isLast: false)
    _ = state.take(evaluation(2, [0, 0]), isLast: true)
    expect(state.result.losses, [2, 2 + 0.5 / 25 * Float(0.02).squareRoot()])
  }

  @Test(arguments: ValueSettings.Stop.allCases) func `the rules to stop`(stop: ValueSettings.Stop) {
    for (loss, says) in [(Float(0.06), false), (0.06, true), (0.04, false)] {
      var state = state { $0.stop = stop }
      let stops = state.take(evaluation(loss, says: says), isLast: false)
      let wanted =
        switch stop {
        case .loss: loss < 0.05
        case .mostProbable: loss < 0.05 || says
        case .never: false
        }
      #expect(stops == wanted && state.result.isReached == wanted)
    }
  }

  @Test func `a loss that is no number ends the search with the best before it`() {
    var state = state { $0.keepsLast = true }
    _ = state.take(evaluation(2), isLast: false)
    let ends = state.take(evaluation(.nan), isLast: false)
    expect(state.result.value, [3, 4])
    #expect(ends && !state.result.isReached && state.result.losses.count == 2)
  }
}
