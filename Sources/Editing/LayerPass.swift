internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// From values to updates: layer by layer, keys, residuals, and a solve.
///
///     for each layer ℓ of L₁ … L:
///       K = keys at ℓ,  R = (Z − hidden states at L) / layers still to come,  both with the layers before ℓ edited
///       Δ_ℓ = solve(K, R, second moment at ℓ)
///
/// - Source: MEMIT (arXiv:2210.07229) algorithm 1. ROME, EMMET, PMET and AlphaEdit fit the same loop.
struct LayerPass {
  /// The network as it is before these edits.
  let network: Network
  let recipe: EditRecipe
  /// How values become keys and residuals.
  let rule: ValueRule
  let solver: WeightSolver
  /// Threads of the solver's own products.
  let threads: Int
  /// What earlier batches came to; `nil` for the first.
  let base: EditedWeights?

  /// Spreads values over the layers.
  ///
  /// - Parameters:
  ///   - names: what the edits are called, for errors.
  ///   - earlier: keys of earlier edits by weight, for methods that keep them. `[earlier edits × inputWidth]`
  func updates(
    _ problems: [ValueProblem], _ values: [FactValue], names: [String] = [],
    earlier: [String: Matrix<Double>] = [:],
    progress: (_ weight: String, _ phase: WeightPhase) -> Void = { _, _ in }
  ) throws -> EditedWeights {
    // Where the first look found the target said already, the key is to keep what it has.
    let isKnown = values.map { $0.value == $0.start }
    let states = SubjectStates(problems)
    let wanted = Matrix(
      rows: values.count, columns: network.configuration.width,
      elements: values.flatMap { $0.value.map(Double.init) })
    var weights = EditedWeights(overlay: network.overlay)
    for (index, layer) in recipe.layers.enumerated() {
      let projections = network.downProjections(of: layer)
      progress(projections[0].name, .collecting)
      let current = try network.overlaid(weights.overlay)
      let remaining = Array(recipe.layers[index...])
      let keys = try states.keys(
        in: current, layers: recipe.spread.weighsKeys ? remaining : [layer], averaging: rule.keys)
      var residuals = try residuals(wanted, states, in: current)
      for row in isKnown.indices where isKnown[row] {
        for column in 0..<residuals.columns { residuals[row, column] = 0 }
      }
      residuals = try recipe.spread.part(
        residuals,
        .init(
          remaining: remaining.count, reducedKeys: try reduced(keys, at: remaining),
          ridge: solver.settings.effectiveRidge))
      let edits = KeysFile.Edits(
        keys: keys[0], residuals: residuals,
        earlierKeys: recipe.method.traits.usesEarlierKeys ? earlier[projections[0].name] : nil, names: names)
      let bareKeys = rule.readsAtBareKeys ? try states.keys(in: current, layer: layer, averaging: .bare) : nil
      let updates = try BLASThreads.with(threads) {
        try solver.solve(projections, edits, readAt: bareKeys, after: base, progress: progress)
      }
      for update in updates { try weights.append(update, from: solver) }
    }
    return weights
  }

  /// HK of the layers still to come, where the distribution weighs them.
  private func reduced(_ keys: [Matrix<Double>], at layers: [Int]) throws -> [Matrix<Double>] {
    guard recipe.spread.weighsKeys else { return [] }
    return try BLASThreads.with(threads) {
      try zip(layers, keys).map { layer, keys in
        try solver.reduced(keys, of: network.downProjections(of: layer))
      }
    }
  }

  /// What is missing at the last edited layer. `[edits × width]`
  private func residuals(
    _ wanted: Matrix<Double>, _ states: SubjectStates, in current: Network
  ) throws -> Matrix<Double> {
    let last = recipe.layers.last!
    var residuals = wanted
    switch recipe.values.target {
    case .hidden: residuals.subtract(try states.hidden(in: current, layer: last))
    case .value, .valueWithAttention:
      residuals.subtract(try states.values(in: current, layer: last, averaging: rule.outputs))
    }
    return residuals
  }
}
