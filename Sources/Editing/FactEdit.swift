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
struct FactEdit {
  /// The network as it is before these edits.
  let network: Network
  let recipe: EditRecipe
  let editor: WeightEditor
  /// Threads of the solver's own products.
  let threads: Int
  /// What earlier batches came to; `nil` for the first.
  let base: Outcome?
  /// The original of ROME, whose update takes the mean key above the line and the bare prompt's below it.
  var usesPublishedROME = false

  /// An edit whose updates are known, before they are stored.
  struct Outcome {
    /// One per edited layer, ascending, all batches together.
    var solved: [WeightEditor.Solved]
    /// What the weights of the edited layers become, rounded.
    var overlay: WeightOverlay

    /// Takes in a weight: after what earlier batches made of it, and as it is once rounded.
    mutating func append(_ new: WeightEditor.Solved, after base: Outcome?, _ editor: WeightEditor) throws {
      var new = new
      let tensor = new.tensor
      if let before = base?.solved.first(where: { $0.tensor.name == tensor.name }) { new.add(before) }
      if let solution = new.solution {
        let bytes = try editor.model.file(of: tensor).read(
          tensor.byteCount, at: tensor.byteRange.lowerBound)
        overlay[tensor.name] = try solution.factors.added(
          to: tensor, bytes: bytes, orientation: new.orientation, options: editor.options)
      } else {
        overlay[tensor.name] = new.trained?.bytes
      }
      solved.append(new)
    }
  }

  /// Spreads values over the layers.
  ///
  /// - Parameter earlier: keys of earlier edits by weight, for methods that keep them. `[earlier edits × inputWidth]`
  func updates(
    _ problems: [ValueProblem], _ values: [FactValue], earlier: [String: Matrix<Double>],
    progress: (_ weight: String, _ phase: EditRun.Phase) -> Void
  ) throws -> Outcome {
    // Where the first look found the target said already, the key is to keep what it has.
    let isKnown = values.map { $0.value == $0.start }
    guard isKnown.contains(false) else { throw reason(of: values) }
    let states = SubjectStates(problems)
    let wanted = Matrix(
      rows: values.count, columns: network.configuration.width,
      elements: values.flatMap { $0.value.map(Double.init) })
    var outcome = Outcome(solved: [], overlay: network.overlay)
    for (index, layer) in recipe.layers.enumerated() {
      let weight = network.downProjection(of: layer)
      progress(weight, .collecting)
      let current = try network.overlaid(outcome.overlay)
      let averaging = recipe.update.method.averaging
      let keys = try states.keys(in: current, layer: layer, averaging: averaging)
      var residuals = try residuals(wanted, states, in: current)
      for row in isKnown.indices where isKnown[row] {
        for column in 0..<residuals.columns { residuals[row, column] = 0 }
      }
      residuals.scale(by: recipe.update.method.share(remaining: recipe.layers.count - index))
      let edits = KeysFile.Edits(
        keys: keys, residuals: residuals,
        earlierKeys: recipe.update.method.traits.usesEarlierKeys ? earlier[weight] : nil)
      let bareKeys =
        usesPublishedROME ? try states.keys(in: current, layer: layer, averaging: .bare) : nil
      let solved = try BLASThreads.with(threads) {
        try editor.solve(weight, edits, readAt: bareKeys, progress: progress)
      }
      try outcome.append(solved, after: base, editor)
    }
    return outcome
  }

  /// Why no value is another than what the network has already.
  private func reason(of values: [FactValue]) -> EditError {
    let unmoved = values.count { !$0.isReached }
    return unmoved == 0 ? .nothingToEdit : .valuesNotMoved(unmoved, steps: recipe.steps)
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
      let averaging: SubjectStates.Averaging =
        recipe.update.method == .rome && !usesPublishedROME ? .contexts : .bare
      residuals.subtract(try states.values(in: current, layer: last, averaging: averaging))
    }
    return residuals
  }
}

extension WeightEditor.Solved {
  /// Puts what an earlier batch added to the same weight before this one's.
  mutating func add(_ earlier: WeightEditor.Solved) {
    if let before = earlier.trained {
      trained?.retentions.insert(contentsOf: before.retentions, at: 0)
      return
    }
    guard let a = earlier.solution, let b = solution else { return }
    let factors = LowRankFactors(
      left: a.factors.left.transposed().stacked(on: b.factors.left.transposed()).transposed(),
      right: a.factors.right.stacked(on: b.factors.right)
    ).compressed()
    let loss = a.preservationLoss.flatMap { first in b.preservationLoss.map { first + $0 } }
    solution = UpdateSolution(
      factors: factors, edits: a.edits + b.edits, updateNorm: factors.frobeniusNorm, preservationLoss: loss,
      effectiveRidge: b.effectiveRidge, jitter: max(a.jitter, b.jitter),
      condition: max(a.condition, b.condition), form: b.form, warnings: a.warnings + b.warnings)
    keys = earlier.keys.stacked(on: keys)
    if let before = earlier.editOfKey, let own = editOfKey {
      editOfKey = before + own.map { $0 + a.edits.count }
    }
    stored = nil
  }
}
