internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

extension Edit {
  /// Does the whole edit and writes the patch.
  public func write(
    to path: String, tool: String, saveValues: String? = nil, progress: (Stage) -> Void = { _ in }
  ) throws -> FactEditReport {
    try requireEditableWeights()
    var clock = WorkClock(in: "contexts and first measures")

    progress(.contexts)
    let run = try begin()
    let kept = run.kept
    let prompts = kept.prompts(run.problems)
    let measures = try FactMeasures(kept.records, prompts: prompts, encoder: encoder)
    let held = try HeldText(run.plan.contexts ?? [], encoder)
    let before = try measures.measureBase(network)
    let heldBefore = try held.loss(network)

    func show(_ stage: Stage) {
      if let part = stage.part { clock.enter(part) }
      progress(stage)
    }
    var attempt = try run.attempt(measures, beside: path, progress: show)
    let values = attempt.values
    if let saveValues { try run.write(values, of: run.groups, to: saveValues) }
    var promotion: FactEditReport.Promotion?
    if plan.promotion == nil, !editsParts, !attempt.holds {
      var again = run
      again.solver.promotion = .f16
      if !run.plan.accumulates { again.found = values }
      let other = try again.attempt(measures, beside: path, progress: show)
      let isBetter = other.takenCount > attempt.takenCount || attempt.retention < Self.leastRetention
      promotion = .init(
        kept: (attempt.takenCount, attempt.retention), promoted: (other.takenCount, other.retention),
        type: .f16, isPromoted: isBetter)
      if isBetter { attempt = other }
    }
    let (weights, after) = (attempt.weights, attempt.after)

    progress(.measuring)
    clock.enter("last measures")
    let heldAfter = try held.loss(attempt.network)
    clock.enter(WeightPhase.storing.rawValue)

    let lines = kept.columns.indices.map { index in
      FactEditReport.Line(
        fact: kept.records[index].fact, value: values[kept.columns[index]], column: kept.columns[index],
        before: before[index], after: after[index], subjectIsFirst: prompts[index].subjectIsFirst)
    }
    let writer = attempt.widened == nil ? try PatchWriter(path) : nil
    let (reports, promoted) =
      try writer.map { try run.store(weights, values, in: $0, progress: progress) } ?? ([], [])
    var report = FactEditReport(
      facts: lines, repeats: run.grouped.repeats,
      card: EditReportCard(
        settings: plan.recipe.update, weights: reports, facts: lines.map(\.json), columns: kept.columns,
        family: network.configuration.family.name),
      plan: run.plan, heldText: heldBefore.flatMap { first in heldAfter.map { (first, $0) } })
    report.changesStatistics = run.changesStatistics
    report.card.cost = recordsCost ? WorkCost(threads: network.threads, phases: clock.all()) : nil
    report.promotion = promotion
    report.widths = attempt.widened.map {
      (network.configuration.feedForwardWidth, $0.network.configuration.feedForwardWidth)
    }
    let family = network.configuration.family.name
    guard let writer else {
      report.card.patch = try attempt.widened!.write(
        to: path, tool: tool, edit: report.manifest, from: network)
      report.phases = clock.all()
      return report
    }
    report.card.patch =
      promoted.isEmpty
      ? try writer.finish(tool: tool, family: family, edit: report.manifest)
      : try writer.finish(
        tool: tool, family: family, edit: report.manifest, promoting: promoted, of: network.model,
        threads: network.threads)
    report.phases = clock.all()
    return report
  }
}

extension Edit {
  /// Codes hold an edit that keeps this share of the wanted outputs at the keys.
  static let leastRetention = 0.95

  /// The edit done one way, and asked about.
  fileprivate struct Attempt {
    let weights: EditedWeights
    let values: [FactValue]
    let network: Network
    let after: [FactMeasure]
    /// The model with more neurons, where that is the edit.
    var widened: Widened?

    var takenCount: Int { after.count { $0.isSaid } }
    /// The least share of the wanted change of outputs at the keys that a weight's codes keep.
    var retention: Double {
      weights.updates.map { update in
        if let chosen = update.chosen { return chosen.retention }
        guard let trained = update.trained?.retentions, !trained.isEmpty else { return 1 }
        return trained.reduce(0, +) / Double(trained.count)
      }.min() ?? 1
    }
    /// Whether there is nothing to be gained by another element type: all is said and kept, or elements stand alone anyhow.
    var holds: Bool {
      let isChosen = weights.updates.contains { $0.chosen != nil }
      return !isChosen || takenCount == after.count && retention >= Edit.leastRetention
    }
  }
}

extension Edit.Run {
  fileprivate func attempt(
    _ measures: FactMeasures, beside path: String, progress: (Edit.Stage) -> Void
  ) throws -> Edit.Attempt {
    let (weights, values) = try solve(progress: progress)
    progress(.measuring)
    if let added = weights.added {
      let widened = try Edit.Widened(edit.network, layer: added.layer, added.neurons, beside: path)
      return Edit.Attempt(
        weights: weights, values: values, network: widened.network,
        after: try measures.measure(widened.network),
        widened: widened)
    }
    let edited = try edit.network.overlaid(weights.overlay)
    return Edit.Attempt(
      weights: weights, values: values, network: edited, after: try measures.measure(edited))
  }
}

extension Edit.Stage {
  /// The part of the work that its time is charged to; `nil` where it begins none.
  fileprivate var part: String? {
    switch self {
    case .contexts, .measuring: nil
    case .values: "values"
    case .gradients: "gradients"
    case .training: "training"
    // Collecting is what `solve` does with keys; `edit` runs the network for them.
    case .weight(_, .collecting): "keys"
    case .weight(_, let phase): phase.rawValue
    }
  }
}

extension Edit.Run {
  func write(_ values: [FactValue], of groups: [FactGroup], to path: String) throws {
    try ValuesFile.write(
      values, names: groups.map { ValuesFile.name(of: $0) }, width: edit.network.configuration.width,
      identity: plan.valueIdentity(of: self.groups), to: path)
  }

  /// All that a patch has of an edit but the facts' lines: changes, and what they can be solved for again from.
  func store(
    _ weights: EditedWeights, _ values: [FactValue], in writer: PatchWriter,
    progress: (Edit.Stage) -> Void = { _ in }
  ) throws -> (reports: [WeightReport], promoted: [PromotedTensor]) {
    // A patch names its tensors in order.
    let updates = weights.updates.sorted {
      $0.tensor.name.utf8.lexicographicallyPrecedes($1.tensor.name.utf8)
    }
    var promoted: [PromotedTensor] = []
    let reports = try updates.map { update in
      progress(.weight(update.tensor.name, .storing))
      return try solver.store(update, writer) { promoted.append($0) }
    }
    // Without factors there is nothing that solving again could start from.
    if promoted.isEmpty { try store(updates, values, in: writer) }
    return (reports, promoted)
  }

  /// Values, keys and residuals, so that the edits can be solved for again, without some or with others.
  private func store(_ updates: [WeightUpdate], _ values: [FactValue], in writer: PatchWriter) throws {
    let stored = updates.compactMap { update in
      update.stored.map { stored in
        var stored = stored
        stored.moment = update.momentDiagonal
        return (update.tensor.name, stored)
      }
    }
    guard edit.keepsEdits, stored.count == updates.count, !values.isEmpty else { return }
    try writer.append(resolving: StoredEdits.valuesName, Matrix(rows: values.map(\.value)))
    try writer.append(resolving: StoredEdits.startsName, Matrix(rows: values.map(\.start)))
    for (weight, edits) in stored { try edits.write(of: weight, to: writer) }
  }

  /// Records that are not repeats, in the order of their groups.
  fileprivate var kept: KeptRecords {
    let known = Dictionary(
      edit.records.map { (FactKey($0.fact), $0) }, uniquingKeysWith: { first, _ in first })
    var kept = KeptRecords()
    for (column, group) in groups.enumerated() {
      for (place, fact) in group.facts.enumerated() {
        guard let record = known[FactKey(fact)] else { continue }
        kept.records.append(record)
        kept.columns.append(column)
        kept.places.append(place)
      }
    }
    return kept
  }
}

private struct KeptRecords {
  var records: [FactRecord] = []
  var columns: [Int] = []
  var places: [Int] = []

  func prompts(_ problems: [ValueProblem]) -> [FactPrompt] {
    zip(columns, places).map { problems[$0].prompts[$1] }
  }
}

/// Texts that have nothing to do with the facts: the contexts themselves.
private struct HeldText {
  private let texts: [[Int32]]

  init(_ contexts: [ContextTemplate], _ encoder: PromptEncoder) throws {
    texts = try contexts.map { try encoder.prompt($0.before + $0.after).tokens }.filter { $0.count > 1 }
  }

  /// The mean of −log p over their tokens, each given those before it; `nil` without texts.
  func loss(_ network: Network) throws -> Double? {
    guard !texts.isEmpty else { return nil }
    let scores = try network.score(
      texts.map { Continuation(prompt: [$0[0]], target: Array($0.dropFirst())) })
    let all = scores.flatMap(\.logProbabilities)
    return -all.reduce(0) { $0 + Double($1) } / Double(all.count)
  }
}

extension Matrix where Scalar == Double {
  /// One row each, all of one length.
  init(rows: [[Float]]) {
    self.init(
      rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap { $0.map(Double.init) })
  }
}
