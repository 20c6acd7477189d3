import Testing

@testable import Evaluation

/// Choosing by weights, on tables made by hand.
@Suite struct MethodRankingTests {
  private func weights(_ text: String) throws -> CriterionWeights { try CriterionWeights(text) }

  private func row(_ name: String, _ records: [[String: Double]], _ constants: [String: Double] = [:])
    -> MethodRanking.Row
  {
    func keyed(_ values: [String: Double]) -> [Criterion: Double] {
      Dictionary(uniqueKeysWithValues: values.map { (Criterion(name: $0.key)!, $0.value) })
    }
    return MethodRanking.Row(name: name, records: records.map(keyed), constants: keyed(constants))
  }

  /// One is reliable, one local, one fast.
  private var three: [MethodRanking.Row] {
    func records(_ reliability: Double, _ locality: Double) -> [[String: Double]] {
      (0..<8).map { ["reliability": reliability + ($0 % 2 == 0 ? 0.02 : -0.02), "locality": locality] }
    }
    return [
      row("sure", records(0.98, 0.6), ["speed": 0.1]), row("gentle", records(0.8, 0.95), ["speed": 0.2]),
      row("quick", records(0.7, 0.7), ["speed": 1]),
    ]
  }

  @Test(arguments: [
    ("reliability=1", ["sure", "gentle", "quick"]), ("locality=2", ["gentle", "quick", "sure"]),
    ("speed=0.5", ["quick", "gentle", "sure"]), ("reliability=1,locality=1", ["gentle", "sure", "quick"]),
    ("reliability=5,locality=1", ["sure", "gentle", "quick"]),
    ("reliability=1,locality=1,speed=2", ["quick", "gentle", "sure"]),
  ])
  func `the order is that of the weighted means`(text: String, order: [String]) throws {
    let ranking = MethodRanking(three, weights: try weights(text))
    #expect(ranking.places.map(\.name) == order && ranking.unranked.isEmpty)
  }

  @Test func `scores, intervals and shares are those worked by hand`() throws {
    let ranking = MethodRanking(three, weights: try weights("reliability=3,speed=1"))
    let place = try #require(ranking.places.first)
    #expect(place.name == "quick" && abs(place.score - (3 * 0.7 + 1) / 4) < 1e-12)
    // Eight records that differ by ±0.02: their mean stays within that, and its redraws differ.
    #expect(place.interval.lowerBound < place.score && place.score < place.interval.upperBound)
    #expect(place.interval.lowerBound > (3 * 0.68 + 1) / 4 && place.interval.upperBound < (3 * 0.72 + 1) / 4)
    #expect(place.firstShare == 1 && ranking.places[1].firstShare == 0)
    #expect(abs(ranking.share(of: .reliability) - 0.75) < 1e-12 && ranking.share(of: .locality) == 0)
  }

  @Test func `a difference that hangs on one record is not certain, and one on all is`() throws {
    func records(_ values: [Double]) -> [[String: Double]] { values.map { ["reliability": $0] } }
    let luck = [row("a", records([1, 1, 1, 1])), row("b", records([1, 1, 1, 0.9]))]
    let lead = try #require(MethodRanking(luck, weights: try weights("reliability=1")).places.first)
    // The record is drawn at all in 1 − (3/4)⁴ = 68 % of the draws; of equals the first leads.
    #expect(lead.name == "a" && lead.firstShare == 1)
    let other = MethodRanking(luck.reversed(), weights: try weights("reliability=1"))
    #expect(other.places[0].name == "a" && abs(other.places[0].firstShare - 0.684) < 0.05)
    #expect(MethodRanking([luck[0]], weights: try weights("reliability=1")).places[0].firstShare == 1)
  }

  @Test func `the choice moves with a weight where it should`() throws {
    let ranking = MethodRanking(three, weights: try weights("reliability=1,locality=1"))
    // 0.98 s + 0.6 (1 − s) = 0.8 s + 0.95 (1 − s) at s = 0.35 / 0.53.
    #expect(ranking.best(giving: 0.65, to: .reliability) == "gentle")
    #expect(ranking.best(giving: 0.67, to: .reliability) == "sure")
    #expect(ranking.best(giving: 0, to: .locality) == "sure")
  }

  @Test func `what lacks a criterion that counts is not ranked, and said`() throws {
    let rows = [row("whole", [["reliability": 0.5, "portability": 0.5]]), row("part", [["reliability": 1]])]
    let ranking = MethodRanking(rows, weights: try weights("reliability=1,portability=1"))
    #expect(ranking.places.map(\.name) == ["whole"] && ranking.places[0].firstShare.isNaN)
    #expect(
      ranking.unranked.map(\.name) == ["part"] && ranking.unranked[0].missing.map(\.name) == ["portability"])
    #expect(MethodRanking(rows, weights: try weights("reliability=1")).places[0].name == "part")
  }

  @Test(arguments: [
    "beauty=1", "reliability=", "reliability=-1", "reliability=1,reliability=2", "reliability=inf",
    "reliability=1=2",
  ])
  func `weights that are none are refused`(text: String) {
    #expect(throws: EvaluationError.self) { try CriterionWeights(text) }
  }

  @Test func `weights that are all nothing are refused`() {
    #expect(throws: EvaluationError.noWeights) { try CriterionWeights("reliability=0") }
  }
}
