import Editing
import Evaluation
import ModelFiles
import Patches

/// What `errata eval` has to say.
struct EvalReport {
  let model: String
  let data: String
  let series: EvaluationSeries
  /// Paths, in the order of their runs behind the base.
  let patches: [String]
  /// Threads that the runs could use.
  let threads: Int
  /// What was asked beside likelihoods.
  let asking: EvalAskingOptions
  /// Rows of `--edit`.
  var compared: [ComparedRun] = []
  /// What the compared methods are ranked by; `nil` where nobody asked.
  var weights: CriterionWeights?

  var runs: [EvaluatedRun] { series.runs }

  /// Measures that some run has, in the order of tables.
  var measures: [Measure] { Measure.all.filter { measure in runs.contains { $0.summary[measure] != nil } } }

  /// Those that a table for people shows: for prompts with a rival what CounterFact compares, for others tokens and kept answers.
  var shown: [Measure] {
    measures.filter { measure in
      guard case .probes(let kind, let statistic) = measure else { return measure != .choicesBySum }
      let isCounterFact = [Probe.Kind.efficacy, .paraphrase, .neighborhood].contains(kind)
      let isStaying = [Probe.Kind.otherRelation, .distractingNeighbor, .forgetfulness, .locality].contains(
        kind)
      switch statistic {
      case .success, .magnitude: return isCounterFact
      case .exact: return isCounterFact
      case .tokens: return true
      case .kept, .spokenKept: return isStaying || kind == .neighborhood
      case .spoken, .mentioned: return true
      }
    }
  }

  /// Runs that stand in the table of runs; those of a comparison have a table of their own.
  var side: [EvaluatedRun] {
    let labels = Set(compared.compactMap { $0.run?.label })
    return runs.filter { !labels.contains($0.label) }
  }

  func text(verbose: Bool) -> String {
    let runs = side
    var table = Table([("", .left)] + runs.map { (Self.short($0.label), .right) })
    for measure in verbose ? measures : shown {
      table.add([measure.title] + runs.map { Self.cell(measure, $0.summary[measure], verbose: verbose) })
    }
    table.add(["seconds"] + runs.map { Numbers.significant($0.cost.seconds, 2) })
    let head = "\(Numbers.count(series.records.count, "record")) of \(data); percentages unless said"
    return
      ([
        head, runs.count > 1 || compared.isEmpty || verbose ? table.text() : nil, comparisonText,
        rankingText, costText(verbose: verbose),
      ] as [String?])
      .compactMap { $0 }.joined(separator: "\n")
  }

  /// A measure as a percentage with one decimal, or as a number.
  static func cell(_ measure: Measure, _ summary: MeasureSummary?, verbose: Bool = false) -> String {
    guard let summary, summary.mean.isFinite else { return "–" }
    let scale = measure.unit == .share ? 100.0 : 1
    let spread =
      verbose && summary.count > 1 ? " ± " + Numbers.fixed(summary.deviation * scale, 1) : ""
    return
      (measure.unit == .share ? Numbers.fixed(summary.mean * scale, 1) : Numbers.significant(summary.mean, 4))
      + spread
  }

  /// The end of a long path, which tells more than its beginning.
  static func short(_ label: String) -> String { label.count > 28 ? "…" + label.suffix(27) : label }

  func warn(_ messages: OutputOptions) {
    for run in runs where run.notNumberCount > 0 {
      messages.say(
        "Warning: the model's logits are not numbers (\(run.label), \(Numbers.count(run.notNumberCount, "probe"))): there is nothing to "
          + "measure. `errata ask` names the weight that is damaged.")
    }
    if let run = runs.first, let (error, record, count) = run.unknownTokens {
      let reason = ErrorReport.explain(error)
      messages.say(
        "Warning: \(Numbers.count(count, "probe")) could not be put (first: record \(record)): \(reason.why)."
      )
    }
    if let run = runs.first, run.beyondTrainingCount > 0 {
      messages.say(
        "Warning: the texts of \(Numbers.count(run.beyondTrainingCount, "probe")) have more tokens than the model was trained for; what it "
          + "says beyond its positions means little.")
    }
    let unmeasured = runs.first.map { $0.unmeasuredCount - ($0.unknownTokens?.count ?? 0) } ?? 0
    if unmeasured > 0 {
      messages.say(
        "Warning: \(Numbers.count(unmeasured, "probe")) could not be put: too long for the model, or the tokens of "
          + "prompt and answer cannot be told apart.")
    }
    let known = runs.reduce(0) { $0 + $1.answers.count - $1.cost.asked }
    if known > 0 { messages.say("\(known) answers were taken from the file of results.") }
  }

  /// The object of `eval --json`.
  var json: JSONValue {
    .object([
      .init("model", .string(model)), .init("data", .string(data)),
      .init("records", .integer(series.records.count)),
      .init("settings", asking.json),
      .init("runs", .array(runs.map { json(of: $0) })),
      .init("comparison", comparisonJSON), .init("ranking", rankingJSON),
      .init("definitions", .object(measures.map { .init($0.name, .string($0.definition)) })),
    ])
  }

  private func json(of run: EvaluatedRun) -> JSONValue {
    func summaries(_ value: (MeasureSummary) -> JSONValue) -> JSONValue {
      .object(measures.compactMap { measure in run.summary[measure].map { .init(measure.name, value($0)) } })
    }
    return [
      "label": .string(run.label),
      "measures": summaries { .measured($0.mean) },
      "deviations": summaries { .measured($0.deviation) },
      "counts": summaries { .integer($0.count) },
      "unmeasured": .integer(run.unmeasuredCount),
      "asked": .integer(run.cost.asked),
      "seconds": .object(run.cost.phases.map { .init($0.name, .measured($0.seconds)) }),
      "peakMemory": .integer(run.cost.peakMemory),
      "cost": WorkCost(threads: threads, phases: run.cost.phases).json,
      "recordedCost": run.recordedCost?.json ?? .null,
    ]
  }
}
