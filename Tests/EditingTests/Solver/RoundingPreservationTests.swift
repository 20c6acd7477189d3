import Testing

@testable import Editing

/// What known keys cost when codes are chosen: the table of `RoundingPreservation`, by hand.
@Suite struct RoundingPreservationTests {
  private let moment = [0.5, 0, 4.0]

  private func diagonal(
    _ method: EditMethod, energies: [Double] = [300, 100, 200], moment: [Double]?,
    _ change: (inout UpdateSettings) -> Void = { _ in }
  ) -> [Float] {
    var settings = UpdateSettings(method: method)
    change(&settings)
    var preservation = RoundingPreservation(settings, energies: energies)
    preservation.moment = moment
    return preservation.diagonal(width: 3)
  }

  @Test func `a method with a weight for known keys keeps it`() {
    #expect(diagonal(.memit, moment: moment) { $0.secondMomentWeight = 20 } == [10, 0, 80])
    // A hundredth of the median energy, 200, is more than this weight.
    #expect(diagonal(.pmet, moment: moment) { $0.secondMomentWeight = 0.5 } == [1, 0, 8])
  }

  @Test func `a method that stores values exactly takes a hundredth of a key's energy`() {
    #expect(diagonal(.rome, moment: moment) { $0.ridge = 0 } == [1, 0, 8])
    #expect(diagonal(.rome, energies: [], moment: moment) { $0.ridge = 0 } == [0, 0, 0])
  }

  @Test func `AlphaEdit adds its L2 to a hundredth of the width`() {
    #expect(diagonal(.alphaedit, moment: moment) { $0.ridge = 10 } == [10.015, 10, 10.12])
  }

  @Test func `without a second moment all inputs are alike`() {
    #expect(diagonal(.memit, moment: nil) { $0.usesSecondMoment = false } == [15000, 15000, 15000])
    #expect(diagonal(.memit, moment: nil) { ($0.usesSecondMoment, $0.ridge) = (false, 1e-9) } == [2, 2, 2])
    var trained = RoundingPreservation(energies: [300, 100, 200])
    #expect(trained.diagonal(width: 2) == [2, 2])
    trained.moment = nil
    #expect(!trained.usesMoment && RoundingPreservation(.init(method: .memit), energies: []).usesMoment)
  }
}
