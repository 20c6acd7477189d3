internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// All edits of a run, at once or batch by batch.
struct EditSequence {
  private let run: FactEditRun
  private let contexts: [ContextTemplate]
  let editor: WeightEditor

  init(run: FactEditRun, contexts: [ContextTemplate]) {
    self.run = run
    self.contexts = contexts
    var settings = run.recipe.update
    if settings.method == .rome, !run.accumulates {
      // ROME is EMMET with one edit; several at once from the base are solved as EMMET solves them, without a ridge.
      settings.method = .emmet
    }
    // One batch alone has no second use for a metric, and would hold those of all layers at once.
    let hasBatches = run.accumulates && (run.batch != nil || run.recipe.update.method == .rome)
    editor = WeightEditor(
      model: run.network.model, statistics: run.statistics, settings: settings, options: run.options,
      orientation: nil, allowsZeroResiduals: true, metrics: run.metrics ?? (hasBatches ? MetricCache() : nil))
  }

  private var recipe: EditRecipe { run.recipe }

  /// Solves for all groups.
  func solve(
    _ groups: [FactGroup], _ problems: [ValueProblem], clock: inout StageClock, threads: Int,
    progress: (FactEditRun.Stage) -> Void
  ) throws -> (outcome: FactEdit.Outcome, values: [FactValue]) {
    let size =
      run.accumulates ? run.batch ?? (recipe.update.method == .rome ? 1 : groups.count) : groups.count
    var total: FactEdit.Outcome?
    var values: [FactValue] = []
    var earlier: [String: Matrix<Double>] = [:]
    var gradients: GradientEdit?
    for first in stride(from: 0, to: groups.count, by: max(size, 1)) {
      let part = first..<min(first + size, groups.count)
      let network = try total.map { try run.network.overlaid($0.overlay) } ?? run.network
      if !recipe.update.method.optimizesValues {
        clock.enter("gradients")
        let (outcome, own) = try gradientUpdates(
          Array(problems[part]), on: network, base: total, threads: threads, &gradients
        ) {
          if case .weight(_, let phase) = $0 { clock.enter(phase) }
          progress($0)
        }
        total = outcome
        values += own
        continue
      }
      clock.enter("values")
      var own = try self.values(
        of: Array(groups[part]), Array(problems[part]), on: network, progress: progress)
      if run.anchorsNorm, total != nil { try anchor(&own, Array(problems[part])) }
      let edit = FactEdit(
        network: network, recipe: recipe, editor: editor, threads: threads, base: total,
        usesPublishedROME: run.usesPublishedROME)
      let outcome = try edit.updates(Array(problems[part]), own, earlier: earlier) {
        clock.enter($1)
        progress(.weight($0, $1))
      }
      for solved in outcome.solved { earlier[solved.tensor.name] = solved.keys }
      total = outcome
      values += own
    }
    guard let total else { throw EditError.noEdits }
    return (total, values)
  }

  /// The updates of a batch, for methods that optimize no values.
  ///
  /// - Parameter gradients: goes on from batch to batch.
  private func gradientUpdates(
    _ problems: [ValueProblem], on network: Network, base: FactEdit.Outcome?, threads: Int,
    _ gradients: inout GradientEdit?, _ progress: (FactEditRun.Stage) -> Void
  ) throws -> (FactEdit.Outcome, [FactValue]) {
    let (solved, values): ([WeightEditor.Solved], [FactValue])
    if recipe.update.method.source == .gradients {
      var edit =
        gradients
        ?? GradientEdit(
          layers: recipe.layers, settings: recipe.gradients, editor: editor, threads: threads,
          network.configuration)
      (solved, values) = try edit.updates(problems, in: network) { progress(.weight($0, $1)) }
      gradients = edit
    } else {
      guard let layer = recipe.layers.first, recipe.layers.count == 1 else {
        throw EditError.methodTakesOneLayer(method: recipe.update.method, layers: recipe.layers)
      }
      (solved, values) = try WeightTraining(
        network: network, layer: layer, settings: recipe.gradients, threads: threads
      ).update(problems, editor: editor) { progress(.weight($0, $1)) }
    }
    var outcome = FactEdit.Outcome(solved: [], overlay: network.overlay)
    for weight in solved { try outcome.append(weight, after: base, editor) }
    return (outcome, values)
  }

  /// z ← z ‖h₀ on the base‖ / ‖h₀ now‖: in a long sequence the norms of values and weights drive each other up.
  ///
  /// - Source: Norm Anchors Make Model Edits Last, arXiv:2602.02543.
  private func anchor(_ values: inout [FactValue], _ problems: [ValueProblem]) throws {
    let states = SubjectStates(problems)
    let base =
      switch recipe.values.target {
      case .hidden: try states.hidden(in: run.network, layer: recipe.layers.last!)
      case .value, .valueWithAttention:
        try states.values(in: run.network, layer: recipe.layers.last!, averaging: .bare)
      }
    for index in values.indices {
      let wanted = Array(base.row(index)).sumOfSquares
      let factor = Float((wanted / max(values[index].start.sumOfSquares, .leastNormalMagnitude)).squareRoot())
      values[index].value = values[index].value.map { $0 * factor }
    }
  }

  /// Values from the files that have them; the rest is optimized.
  func values(
    of groups: [FactGroup], _ problems: [ValueProblem], on network: Network,
    progress: (FactEditRun.Stage) -> Void
  ) throws -> [FactValue] {
    let identity = try run.valuesIdentity(contexts)
    for file in run.knownValues where file.identity != identity {
      throw EditError.otherValues(file: file.path)
    }
    var values = groups.map { group in
      run.earlier?.value(of: group)
        ?? run.knownValues.lazy.compactMap { $0.value(of: group, width: network.configuration.width) }.first
    }
    let missing = values.indices.filter { values[$0] == nil }
    guard !missing.isEmpty else { return values.map { $0! } }
    var done = 0
    progress(.values(done: 0, of: missing.count))
    let found = try ValueOptimization(
      network: network, layer: recipe.layers.last!, settings: recipe.values
    ).values(of: missing.map { problems[$0] }) { count in
      done += count
      progress(.values(done: done, of: missing.count))
    }
    for (index, value) in zip(missing, found) { values[index] = value }
    return values.map { $0! }
  }
}
