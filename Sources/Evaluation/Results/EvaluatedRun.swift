/// One network's answers to all records, and what they come to.
public struct EvaluatedRun: Sendable {
  /// How it is called in tables.
  public let label: String
  /// One per record, in the order of the records.
  public let answers: [RecordAnswers]
  /// One per record.
  public let records: [RecordMeasures]
  /// Over all records, with the tasks beside them.
  public let summary: [Measure: MeasureSummary]
  /// What it took.
  public let cost: EvaluationCost

  /// Sums answers up, held against those of the base; the base's against its own.
  init(
    label: String, answers: [RecordAnswers], before: [RecordAnswers]?, tasks: [Measure: Double],
    cost: EvaluationCost
  ) {
    self.label = label
    self.answers = answers
    records = answers.indices.map { RecordMeasures(answers[$0], before: before?[$0]) }
    var summary = [Measure: MeasureSummary](records)
    for (measure, value) in tasks { summary[measure] = MeasureSummary(value) }
    self.summary = summary
    self.cost = cost
  }

  /// Probes that could not be put: their text has no room, or prompt and answer cannot be told apart.
  public var unmeasuredCount: Int {
    answers.reduce(0) { $0 + $1.probes.count { !$0.isMeasured } }
  }
}

/// Time and memory.
public struct EvaluationCost: Sendable {
  /// Seconds by the wall, by phase, in order: `editing` or `patching`, `asking`, `tasks`.
  public var seconds: [(phase: String, seconds: Double)] = []
  /// The most memory the process has had, in bytes, when the run ended.
  public var peakMemory = 0
  /// Records asked about in this process; the others were in the file of results.
  public var asked = 0
  /// Edits that were made for the run, and the seconds they took.
  public var edits = 0

  /// Nothing yet.
  public init() {}

  /// Adds to a phase.
  public mutating func add(_ phase: String, _ more: Double) {
    if let place = seconds.firstIndex(where: { $0.phase == phase }) {
      seconds[place].seconds += more
    } else {
      seconds.append((phase, more))
    }
  }

  /// Of one phase.
  public subscript(phase: String) -> Double? { seconds.first { $0.phase == phase }?.seconds }
}
