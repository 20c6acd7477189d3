public import ModelFiles
public import Patches

/// What a solve achieved on one weight.
public struct WeightReport: Sendable {
  /// Full name of the weight.
  public let name: String
  /// Rank, norms, per-edit errors, warnings; `nil` for a weight that was trained.
  public let solution: UpdateSolution?
  /// ‖Δ‖ / ‖W‖.
  public let relativeNorm: Double
  /// tr(ΔCΔᵀ) / tr(WCWᵀ): the mean square change of known outputs, against the outputs.
  public let preservation: Double?
  /// Share of the wanted change of outputs that survives rounding.
  public let retention: Double
  /// The same for each edit.
  public let retentions: [Double]
  /// Elements that differ after rounding.
  public let changedCount: Int
  /// Processor seconds of each phase. Never stored: the same inputs give the same patch.
  public internal(set) var seconds: [WeightPhase: Double] = [:]
  /// Jitter that the factorization of the second moment needed.
  public let metricJitter: Double

  init(
    name: String, solution: UpdateSolution, measured: RetentionMeter.Result, preservation: Double?,
    metricJitter: Double
  ) {
    self.name = name
    self.solution = solution
    relativeNorm = solution.updateNorm / measured.baseNorm
    self.preservation = preservation
    retention = measured.retention
    retentions = measured.retentions
    changedCount = measured.changedCount
    self.metricJitter = metricJitter
  }

  init(name: String, trained: WeightUpdate.Trained, _ measure: ChangeMeasure) {
    self.name = name
    solution = nil
    relativeNorm = trained.relativeNorm ?? measure.relativeChange ?? 0
    preservation = trained.preservation
    retentions = trained.retentions
    retention = retentions.reduce(0, +) / Double(max(retentions.count, 1))
    changedCount = measure.changedCount
    metricJitter = 0
  }

  /// The numbers of one weight, as the patch and `--json` carry them.
  public var measuredJSON: JSONValue {
    var members: [JSONValue.Member] = [
      .init("relativeNorm", .measured(relativeNorm)),
      .init("preservation", preservation.map { .measured($0) } ?? .null),
      .init("retention", .measured(retention)),
      .init("changedElements", .integer(changedCount)),
    ]
    if let solution, solution.isSolved {
      members += [
        .init("ridge", .measured(solution.effectiveRidge)),
        .init("jitter", .measured(max(solution.jitter, metricJitter))),
        .init("condition", .measured(solution.condition)), .init("form", .string(solution.form.rawValue)),
      ]
    }
    return .object(members)
  }
}

/// What a whole edit achieved.
public struct EditReportCard: Sendable {
  /// Method and its numbers.
  public let settings: UpdateSettings
  /// One report per weight.
  public let weights: [WeightReport]
  /// What each edit is about, if known.
  public let facts: [JSONValue]?
  /// For each fact, the column of keys that stores it; as many facts as columns where `nil`.
  var columns: [Int]?
  /// The patch, once written.
  public internal(set) var patch: PatchFile?
  let family: String?
  /// What making the patch took, where the patch is to say so.
  public internal(set) var cost: WorkCost?

  init(
    settings: UpdateSettings, weights: [WeightReport], facts: [JSONValue]?, columns: [Int]? = nil,
    family: String?, cost: WorkCost? = nil
  ) {
    self.settings = settings
    self.weights = weights
    self.facts = facts
    self.columns = columns
    self.family = family
    self.cost = cost
  }

  /// Retention below this share deserves a warning.
  public static let retentionLimit = 0.9

  /// Weights whose rounding swallowed more than a tenth of the edit.
  public var swallowed: [WeightReport] { weights.filter { !($0.retention >= Self.retentionLimit) } }

  /// The per-edit numbers: for several weights, the worst of each.
  public var factsJSON: [JSONValue] {
    let columns = columns ?? Array(0..<(weights.first?.solution?.edits.count ?? 0))
    return columns.enumerated().map { place, edit in
      let measured = ["memorizationError", "writtenFraction", "retention"]
      var members = (facts?[place].members ?? []).filter { !measured.contains($0.key) }
      let reports = weights.compactMap { report in
        report.solution.flatMap { $0.edits.indices.contains(edit) ? $0.edits[edit] : nil }
      }
      let retention = weights.map { $0.retentions[edit] }.min()
      if let error = reports.map(\.memorizationError).max(), let share = reports.map(\.writtenFraction).min()
      {
        members.append(.init("memorizationError", .measured(error)))
        members.append(.init("writtenFraction", .measured(share)))
      }
      // Nothing is rounded away of a neuron that stands beside all others.
      if let retention { members.append(.init("retention", .measured(retention))) }
      return .object(members)
    }
  }
}
