internal import Editing

/// The measures of one record.
public struct RecordMeasures: Sendable {
  /// What the record has probes and texts for.
  public private(set) var values: [Measure: Double] = [:]

  /// Means over the prompts of each kind.
  ///
  /// - Parameters:
  ///   - answers: what a network says.
  ///   - before: what the base says to the same record; without it nothing is known of what was kept.
  public init(_ answers: RecordAnswers, before: RecordAnswers?) {
    for kind in Probe.Kind.allCases {
      let indices = answers.probes.indices.filter { answers.probes[$0].probe.kind == kind }
      guard !indices.isEmpty else { continue }
      for statistic in Statistic.allCases {
        let found = indices.compactMap { index in
          let earlier = before.flatMap { $0.probes.indices.contains(index) ? $0.probes[index] : nil }
          return statistic.value(
            answers.probes[index], before: earlier?.probe == answers.probes[index].probe ? earlier : nil)
        }
        values[.probes(kind, statistic)] = mean(found)
      }
    }
    values[.portability] = mean(Probe.Kind.portability.compactMap { values[.probes($0, .tokens)] })
    values[.locality] = mean(Probe.Kind.staying.compactMap { values[.probes($0, .kept)] })
    values[.attributes] = mean(
      answers.attributes.compactMap { Statistic.success.value($0, before: nil) })
    for (measure, value) in answers.texts { values[measure] = value }
  }
}

/// A mean over records, and how they spread.
public struct MeasureSummary: Sendable {
  /// The mean.
  public let mean: Double
  /// Standard deviation over the records, of all of them and not of a sample; 0 for a number without records.
  public let deviation: Double
  /// Records that have the measure.
  public let count: Int

  /// A number as it is.
  public init(_ mean: Double, deviation: Double = 0, count: Int = 1) {
    self.mean = mean
    self.deviation = deviation
    self.count = count
  }
}

extension [Measure: MeasureSummary] {
  /// Means over records.
  ///
  ///     mean = 1/n Σ x,  deviation = √(1/n Σ (x − mean)²)
  ///
  /// - Source: kmeng01/memit `experiments/summarize.py` (`np.mean`, `np.std`).
  public init(_ records: [RecordMeasures]) {
    self.init()
    for measure in Measure.ofRecords {
      let found = records.compactMap { $0.values[measure] }
      guard let center = mean(found) else { continue }
      let square = found.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(found.count)
      self[measure] = MeasureSummary(center, deviation: square.squareRoot(), count: found.count)
    }
    let parts = [Probe.Kind.efficacy, .paraphrase, .neighborhood].compactMap { self[.probes($0, .success)] }
    if parts.count == 3 {
      let score =
        parts.contains { $0.mean.isNaN }
        ? .nan
        : parts.contains { $0.mean <= 0 } ? 0 : 3 / parts.reduce(0) { $0 + 1 / $1.mean }
      self[.score] = MeasureSummary(score, count: parts.map(\.count).min() ?? 0)
    }
  }
}

/// The mean of some numbers; `nil` without any.
func mean(_ values: [Double]) -> Double? {
  values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}
