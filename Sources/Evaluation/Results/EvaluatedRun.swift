public import Editing
public import Floor
public import Transformer

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
  /// What making its patch took, where the patch says so.
  public var recordedCost: WorkCost?
  /// For each part the edits that its network was made with, now or in an earlier process; `nil` where nothing is known of them.
  public internal(set) var edits: [MadeEdit?] = []

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

  /// Probes that the network answered with logits that are no numbers.
  public var notNumberCount: Int { answers.reduce(0) { $0 + $1.probes.count { !$0.isNumber } } }

  /// Probes with more tokens than the network was trained for.
  public var beyondTrainingCount: Int {
    answers.reduce(0) { $0 + $1.probes.count(where: \.isBeyondTraining) }
  }

  /// The first probe with a token that the network does not have, and how many there are.
  public var unknownTokens: (first: PromptError, record: String, count: Int)? {
    let all = answers.flatMap { answer in
      answer.probes.compactMap { $0.problem.map { ($0, answer.identifier) } }
    }
    return all.first.map { ($0.0, $0.1, all.count) }
  }

  /// Probes that could not be put: their text has no room, or prompt and answer cannot be told apart.
  public var unmeasuredCount: Int {
    answers.reduce(0) { $0 + $1.probes.count { !$0.isMeasured } }
  }
}

/// Time and memory.
public struct EvaluationCost: Sendable {
  /// By phase, in order: `editing` or `patching`, `asking`, `tasks`.
  public var phases: [PhaseCost] = []
  /// The most memory the process has had during the run, in bytes.
  public var peakMemory = 0
  /// Records asked about in this process; the others were in the file of results.
  public var asked = 0

  /// Nothing yet.
  public init() {}

  /// Charges what was used since a moment to a phase.
  public mutating func add(_ phase: String, since begin: ProcessUse) {
    phases.add(phase, from: begin, to: .now())
  }

  /// By the wall, all phases together.
  public var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }
  /// Seconds by the wall of one phase.
  public subscript(phase: String) -> Double? { phases.first { $0.name == phase }?.seconds }
}
