import Editing
import Glibc
import Testing

@testable import Evaluation

/// Three records with answers made up so that every measure can be worked out on paper.
///
///     record 1  efficacy 0.6 : 0.2 ✓        paraphrases 0.3 : 0.5 ✗, 0.7 : 0.1 ✓   neighbors 0.5 : 0.4 ✓, 0.2 : 0.6 ✗
///     record 2  efficacy 0.4 : 0.4 ✗ (tie)  paraphrase  0.8 : 0.1 ✓                neighbor  0.9 : 0.05 ✓
///     record 3  efficacy 0.9 : 0.1 ✓        none                                   none
enum ThreeRecords {
  static let after = [
    record(
      "1",
      [
        answer(.efficacy, 0.6, 0.2, wanted: [5, 6], said: [5, 6], continuation: " Oslo. Then"),
        answer(.paraphrase, 0.3, 0.5, wanted: [5, 6], said: [5, 9], continuation: " the city of Oslo"),
        answer(.paraphrase, 0.7, 0.1, wanted: [5, 6], said: [5, 6], continuation: " Lima"),
        answer(.neighborhood, 0.5, 0.4, wanted: [7], said: [7]),
        answer(.neighborhood, 0.2, 0.6, wanted: [7], said: [8]),
        answer(.otherRelation, 0.5, nil, wanted: [4], said: [4]),
        unanswered(.locality, said: [9]),
      ]),
    record(
      "2",
      [
        answer(.efficacy, 0.4, 0.4, wanted: [5], said: [3]),
        answer(.paraphrase, 0.8, 0.1, wanted: [5], said: [5]),
        answer(.neighborhood, 0.9, 0.05, wanted: [7], said: [7]),
        answer(.oneHop, 0.3, nil, wanted: [1, 2], said: [1, 3]),
      ]),
    record(
      "3",
      [
        answer(.efficacy, 0.9, 0.1, wanted: [1, 2, 3], said: [1, 2, 4]),
        answer(.subjectReplace, 0.9, nil, wanted: [1], said: [1]),
        answer(.reversedRelation, 0.1, nil, wanted: [2], said: [3]),
      ]),
  ]

  static let before = after.map { record in
    var record = record
    for index in record.probes.indices {
      switch record.probes[index].probe.kind {
      case .neighborhood: record.probes[index].said = [7]
      case .otherRelation: record.probes[index].said = [4]
      default: record.probes[index].said = record.probes[index].said.map { $0 - 1 }
      }
    }
    return record
  }

  static func answer(
    _ kind: Probe.Kind, _ own: Double, _ rival: Double?, wanted: [Int32], said: [Int32],
    continuation: String? = nil
  ) -> ProbeAnswer {
    var answer = ProbeAnswer(Probe(kind, prompt: "p", answer: "Oslo", rival: rival.map { _ in "Lima" }))
    answer.logProbability = log(own)
    answer.rivalLogProbability = rival.map { log($0) }
    (answer.wanted, answer.said, answer.continuation) = (wanted, said, continuation)
    return answer
  }

  static func unanswered(_ kind: Probe.Kind, said: [Int32]) -> ProbeAnswer {
    var answer = ProbeAnswer(Probe(kind, prompt: "q", answer: nil))
    answer.said = said
    return answer
  }

  static func record(_ identifier: String, _ probes: [ProbeAnswer]) -> RecordAnswers {
    RecordAnswers(identifier: identifier, probes: probes)
  }
}

struct MeasuresTests {
  let summary = [Measure: MeasureSummary](
    zip(ThreeRecords.after, ThreeRecords.before).map { RecordMeasures($0, before: $1) })

  private func expect(
    _ measure: Measure, _ expected: Double, count: Int, _ place: SourceLocation = #_sourceLocation
  ) {
    let found = summary[measure]
    #expect(
      found.map { abs($0.mean - expected) < 1e-12 } == true, "\(measure.name): \(String(describing: found))",
      sourceLocation: place)
    #expect(found?.count == count, sourceLocation: place)
  }

  @Test func `success counts a tie as failure, and means go over prompts, then over records`() {
    expect(.probes(.efficacy, .success), 2 / 3.0, count: 3)
    expect(.probes(.paraphrase, .success), 0.75, count: 2)
    expect(.probes(.neighborhood, .success), 0.75, count: 2)
  }

  @Test func `magnitude is a difference of geometric means of probabilities`() {
    expect(.probes(.efficacy, .magnitude), 0.4, count: 3)
    expect(.probes(.paraphrase, .magnitude), 0.45, count: 2)
    expect(.probes(.neighborhood, .magnitude), 0.35, count: 2)
  }

  @Test func `Score is the harmonic mean of the means`() {
    expect(.score, 3 / (1.5 + 4 / 3.0 + 4 / 3.0), count: 2)
    #expect([Measure: MeasureSummary]([RecordMeasures(ThreeRecords.after[2], before: nil)])[.score] == nil)
    let failed = ThreeRecords.record(
      "0",
      [.efficacy, .paraphrase, .neighborhood].map {
        ThreeRecords.answer($0, 0.1, 0.9, wanted: [1], said: [1])
      })
    #expect([Measure: MeasureSummary]([RecordMeasures(failed, before: nil)])[.score]?.mean == 0)
  }

  @Test func `exact accuracy wants every token, token accuracy counts them`() {
    expect(.probes(.efficacy, .exact), 1 / 3.0, count: 3)
    expect(.probes(.efficacy, .tokens), (1 + 0 + 2 / 3.0) / 3, count: 3)
    expect(.probes(.paraphrase, .exact), 0.75, count: 2)
    expect(.probes(.paraphrase, .tokens), (0.75 + 1) / 2, count: 2)
    expect(.probes(.neighborhood, .exact), 0.75, count: 2)
  }

  @Test func `kept compares with the base, whatever the answer`() {
    expect(.probes(.neighborhood, .kept), 0.75, count: 2)
    expect(.probes(.efficacy, .kept), 0, count: 3)
    expect(.probes(.otherRelation, .kept), 1, count: 1)
    expect(.probes(.locality, .kept), 0, count: 1)
    expect(.locality, 0.5, count: 1)
    #expect(RecordMeasures(ThreeRecords.after[0], before: nil).values[.locality] == nil)
  }

  @Test func `portability is the mean over a record's kinds`() {
    expect(.probes(.oneHop, .tokens), 0.5, count: 1)
    expect(.probes(.subjectReplace, .tokens), 1, count: 1)
    expect(.probes(.reversedRelation, .tokens), 0, count: 1)
    expect(.portability, 0.5, count: 2)
  }

  @Test func `a spoken answer is the continuation up to its first stop`() {
    expect(.probes(.efficacy, .spoken), 1, count: 1)
    expect(.probes(.efficacy, .mentioned), 1, count: 1)
    // "the city of Oslo" mentions it and does not equal it; "Lima" does neither.
    expect(.probes(.paraphrase, .spoken), 0, count: 1)
    expect(.probes(.paraphrase, .mentioned), 0.5, count: 1)
  }

  @Test func `the deviation is that of all records`() throws {
    let efficacy = try #require(summary[.probes(.efficacy, .success)])
    #expect(abs(efficacy.deviation - (2 / 9.0).squareRoot()) < 1e-12)
  }

  @Test func `measures without probes are absent`() {
    #expect(summary[.probes(.forgetfulness, .kept)] == nil)
    #expect(summary[.fluency] == nil)
  }

  @Test func `every measure has a name of its own and a definition`() {
    #expect(Set(Measure.all.map(\.name)).count == Measure.all.count)
    #expect(Measure.all.allSatisfy { $0.definition.count > 20 })
    #expect(Measure.probes(.neighborhood, .success).name == "neighborhood")
    #expect(Measure.probes(.neighborhood, .magnitude).name == "neighborhoodMagnitude")
  }

  @Test(arguments: [
    (" Oslo.", "Oslo", true), (" oslo\nand", "Oslo", true), (" St. Louis. It", "St. Louis", true),
    (" the Netherlands", "Netherlands", true), (" Oslo is", "Oslo", false), ("", "Oslo", false),
  ]) func `answers are compared without case, marks and articles`(text: String, answer: String, equal: Bool) {
    #expect(SpokenAnswer.matches(text, answer) == equal)
  }

  @Test(arguments: [
    (" Oslo. It rains", " oslo", true), (" Oslo\nMore", "Oslo. Less", true), (" Oslo", " Rome", false),
    (" St. Louis. A", " St. Paul. A", false), (" St. Louis. A", " St. Louis. B", true),
    (" 3.5 km", " 3.7 km", false), ("", "", true),
  ]) func `what is said as before says the same sentence`(one: String, other: String, isAlike: Bool) {
    #expect(SpokenAnswer.isAlike(one, other) == isAlike)
  }
}
