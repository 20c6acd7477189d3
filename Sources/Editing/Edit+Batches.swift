internal import LinearAlgebra
internal import Patches
internal import Transformer

extension Edit {
  /// What the batches so far have come to.
  struct Batches {
    /// Facts that are edited.
    var groups: [FactGroup] = []
    var editor: any Editor
    var weights: EditedWeights?
    var values: [FactValue] = []
  }

  /// A run that has begun: its plan is whole and its facts are texts.
  struct Run {
    let edit: Edit
    let plan: EditPlan
    let grouped: GroupedFacts
    let problems: [ValueProblem]
    var solver: WeightSolver
    /// Values that this very run has found before.
    var found: [FactValue] = []

    var groups: [FactGroup] { grouped.groups }
  }

  /// Completes the plan and prepares the texts of the records.
  func begin() throws -> Run {
    let plan = try completedPlan()
    try earlier?.requireValues(of: plan)
    let grouped = try GroupedFacts(records.map(\.fact))
    let own =
      plan.method.optimizesValues && plan.recipe.values.ownWordsWeight > 0
      ? try OwnWords(network: network, encoder: encoder).texts(of: grouped.groups)
      : grouped.groups.map { _ in [] }
    let problems = try zip(grouped.groups, own).map { group, own in
      try ValueProblem(group, contexts: plan.contexts ?? [], chat: plan.chat, encoder: encoder, ownWords: own)
    }
    var solver = WeightSolver(
      model: network.model, statistics: statistics, settings: plan.solverSettings,
      options: plan.storage(threads: network.threads), orientation: nil)
    solver.allowsZeroResiduals = true
    solver.promotion = plan.promotion ?? .keep
    solver.keepsEdits = keepsEdits && !plan.accumulates
    // One batch alone has no second use for a metric, unless keys are weighed first, and would hold those of all layers at once.
    solver.metrics = metrics ?? (plan.hasBatches || plan.recipe.spread.weighsKeys ? MetricCache() : nil)
    let run = Run(edit: self, plan: plan, grouped: grouped, problems: problems, solver: solver)
    try run.known.require(plan.valueIdentity(of: run.groups))
    return run
  }
}

extension Edit.Run {
  /// Whether the edits that are gone on with were solved for with other second moments.
  var changesStatistics: Bool {
    edit.earlier.map { $0.plan.inputs?.statistics != plan.inputs?.statistics } ?? false
  }
  var known: KnownValues {
    KnownValues(
      earlier: edit.earlier, files: edit.knownValues,
      found: Dictionary(
        zip(groups, found).map { (FactKey($0.facts[0]), $1) }, uniquingKeysWith: { first, _ in first }))
  }
  var setup: EditorSetup {
    EditorSetup(
      network: edit.network, plan: plan, solver: solver, known: known, aids: edit.aids, encoder: edit.encoder,
      threads: edit.network.threads,
      batchRows: edit.batchRows)
  }

  /// All edits, at once or batch by batch.
  func solve(progress: (Edit.Stage) -> Void) throws -> (weights: EditedWeights, values: [FactValue]) {
    let all = try solve(after: nil, progress: progress)
    return (all.weights!, all.values)
  }

  /// All edits but those of the batches that it begins with.
  func solve(after earlier: Edit.Batches?, progress: (Edit.Stage) -> Void) throws -> Edit.Batches {
    let size = plan.batchSize(of: groups.count)
    var all = earlier ?? .init(editor: plan.method.editor(setup))
    for first in stride(from: all.groups.count, to: groups.count, by: size) {
      let part = first..<min(first + size, groups.count)
      let network = try all.weights.map { try edit.network.overlaid($0.overlay) } ?? edit.network
      let batch = EditBatch(groups: Array(groups[part]), problems: Array(problems[part]))
      // Solves take all threads. What trains is many small products, whose last bits must not tell how many threads there are.
      let threads = plan.method.hasClosedForm ? edit.network.threads : 1
      let (weights, values) = try BLASThreads.with(threads) {
        try all.editor.update(batch, on: network, after: all.weights, progress: progress)
      }
      all.weights = weights
      all.values += values
      all.groups += batch.groups
    }
    guard all.weights != nil else { throw EditError.noEdits }
    return all
  }

  /// These batches, if this run would begin with the same, whole ones; a later fact about an earlier subject is edited with it.
  func batches(goingOnFrom earlier: Edit.Batches?) -> Edit.Batches? {
    guard let earlier, groups.starts(with: earlier.groups) else { return nil }
    let count = earlier.groups.count
    return count == groups.count || count.isMultiple(of: plan.batchSize(of: groups.count)) ? earlier : nil
  }
}
