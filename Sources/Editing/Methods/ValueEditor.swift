internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Finds a value for each group of facts, and the updates that store it under the subject's keys.
struct ValueEditor: Editor {
  private let setup: EditorSetup
  /// Keys of earlier batches by weight. `[earlier edits × inputWidth]`
  private var earlier: [String: Matrix<Double>] = [:]

  init(_ setup: EditorSetup) { self.setup = setup }

  private var recipe: EditRecipe { setup.recipe }

  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    var values = try values(of: batch, on: network, progress: progress)
    if case .accumulate(_, anchorsNorm: true) = setup.plan.sequence, base != nil {
      try anchor(&values, batch.problems)
    }
    try requireMoved(values)
    let pass = LayerPass(
      network: network, recipe: recipe, rule: setup.plan.rule, solver: setup.solver, threads: setup.threads,
      base: base)
    let weights = try pass.updates(
      batch.problems, values, names: batch.groups.map { $0.facts[0].identifier }, earlier: earlier
    ) { progress(.weight($0, $1)) }
    for update in weights.updates { earlier[update.tensor.name] = update.keys }
    return (weights, values)
  }

  /// Values that are known already; the rest is optimized.
  func values(
    of batch: EditBatch, on network: Network, progress: (Edit.Stage) -> Void
  ) throws -> [FactValue] {
    var values = batch.groups.map { setup.known.value(of: $0, width: network.configuration.width) }
    let missing = values.indices.filter { values[$0] == nil }
    guard !missing.isEmpty else { return values.map { $0! } }
    var done = 0
    progress(.values(done: 0, of: missing.count))
    let found = try ValueOptimization(
      network: network, layer: recipe.layers.last!, settings: recipe.values, rowLimit: setup.batchRows
    ).values(of: missing.map { batch.problems[$0] }) { count in
      done += count
      progress(.values(done: done, of: missing.count))
    }
    for (index, value) in zip(missing, found) {
      guard value.hasNumbers else { throw try network.notNumbers() }
      values[index] = value
    }
    return values.map { $0! }
  }

  /// Refuses a batch in which nothing is to be stored: the model says it all, or no value left its place.
  private func requireMoved(_ values: [FactValue]) throws {
    guard values.allSatisfy({ $0.value == $0.start }) else { return }
    let unmoved = values.count { !$0.isReached }
    throw unmoved == 0 ? EditError.nothingToEdit : EditError.valuesNotMoved(unmoved, steps: recipe.steps)
  }

  /// z ← z ‖h₀ on the base‖ / ‖h₀ now‖: in a long sequence the norms of values and weights drive each other up.
  ///
  /// - Source: Norm Anchors Make Model Edits Last, arXiv:2602.02543.
  private func anchor(_ values: inout [FactValue], _ problems: [ValueProblem]) throws {
    let states = SubjectStates(problems)
    let base =
      switch recipe.values.target {
      case .hidden: try states.hidden(in: setup.network, layer: recipe.layers.last!)
      case .value, .valueWithAttention:
        try states.values(in: setup.network, layer: recipe.layers.last!, averaging: .bare)
      }
    for index in values.indices {
      let wanted = Array(base.row(index)).sumOfSquares
      let factor = Float((wanted / max(values[index].start.sumOfSquares, .leastNormalMagnitude)).squareRoot())
      values[index].value = values[index].value.map { $0 * factor }
    }
  }
}

/// Values that need not be looked for: those of a patch that is gone on with, and of files.
struct KnownValues {
  var earlier: PatchedEdits?
  var files: [ValuesFile] = []
  /// Those of the same run's first try, by the first fact of their group.
  var found: [FactKey: FactValue] = [:]

  /// The value of a group, if it is there for a state of this width.
  func value(of group: FactGroup, width: Int) -> FactValue? {
    group.facts.first.flatMap { found[FactKey($0)] } ?? earlier?.value(of: group)
      ?? files.lazy.compactMap { $0.value(of: group, width: width) }.first
  }

  /// Refuses files whose values were found with something else.
  func require(_ identity: PlanIdentity) throws {
    for file in files { try file.require(identity) }
  }
}
