internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// KN: what the neurons of an answer write is changed from the old answer's direction to the new one's.
///
///     w_j ← w_j − λ₁ (‖w_j‖ / ‖e_old‖) e_old + λ₂ (‖w_j‖ / ‖e_new‖) e_new,   w_j column j of the down-projection
///
/// Every token of a target that the model would not say by itself has neurons of its own, found after the tokens before it. e(·) are rows of
/// the head. Δ = E Sᵀ has at most rank 2 for each of them.
///
/// - Source: arXiv:2104.08696; Hunter-DDM/knowledge-neurons, `src/6_edit_knowledge_sampled.py`, whose factors of the norms the paper does not
///   have. There one masked token is an answer, and neurons that many facts of a relation share are left out; here a fact has no relation.
struct NeuronEditor: Editor {
  private let setup: EditorSetup
  /// Edits of earlier batches.
  private var doneCount = 0

  init(_ setup: EditorSetup) { self.setup = setup }

  /// What is written into some neurons: a direction of their outputs, each neuron with its own factor.
  struct Write {
    let neurons: [KnowledgeNeurons.Neuron]
    /// Σ over tokens of factor · e. `[width]`
    let direction: [Double]
    /// Whether the direction is as long as what a neuron writes now; else it is added as it is.
    let followsNorms: Bool
  }

  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    progress(.gradients)
    let recipe = setup.recipe
    var writes: [Write] = []
    var keys: [(edit: Int, rows: [[Float]])] = []
    var losses: [FactValue] = []
    for (edit, problem) in batch.problems.enumerated() {
      progress(.values(done: edit, of: batch.problems.count))
      let found = try problem.prompts.map { try look(at: $0, network) }
      keys += found.flatMap(\.keys).map { (doneCount + edit, $0) }
      writes += found.flatMap(\.writes)
      let own = found.flatMap(\.losses)
      losses.append(FactValue(trained: [own.reduce(0, +) / Float(max(own.count, 1))]))
    }
    doneCount += batch.problems.count
    var weights = EditedWeights(overlay: network.overlay)
    let names = batch.groups.map { $0.facts[0].identifier }
    for layer in recipe.layers {
      let name = try network.downProjection(of: layer)
      let own = try factors(writes, layer: layer, name, network)
      if own == nil, base?[name] == nil { continue }
      progress(.weight(name, .solving))
      let rows = Matrix<Double>(
        Matrix(
          rows: keys.count, columns: network.keyWidth(of: layer), elements: keys.flatMap { $0.rows[layer] }))
      try weights.append(
        WeightUpdate.written(
          own, of: name, at: rows, edits: keys.map(\.edit), names: names, after: base, solver: setup.solver),
        from: setup.solver)
    }
    return (weights, losses)
  }

  /// What a prompt asks for.
  private func look(at prompt: FactPrompt, _ network: Network) throws -> (
    keys: [[[Float]]], writes: [Write], losses: [Float]
  ) {
    let recipe = setup.recipe
    if recipe.neurons.form == .easyedit {
      let port = PortedNeurons(network: network, recipe: recipe, encoder: setup.encoder)
      let found = try prompt.bareTexts.map { try port.find(prompt, $0) }
      return (found.map(\.keys), found.compactMap(\.write), found.map(\.loss))
    }
    let search = NeuronSearch(
      network: network, settings: recipe.neurons, quadrature: .gauss(recipe.steps), layers: recipe.layers)
    let found = try search.find(prompt)
    let asked = found.flatMap(\.asked)
    let writes = try asked.filter { !$0.neurons.isEmpty }.flatMap { asked in
      let rows = try network.headRows(of: [asked.old, asked.new])
      return [(0, -recipe.neurons.erasing), (1, recipe.neurons.writing)].map { row, factor in
        let direction = rows.row(row).map(Double.init)
        let norm = max(direction.sumOfSquares.squareRoot(), .leastNormalMagnitude)
        return Write(
          neurons: asked.neurons.map(\.neuron), direction: direction.map { factor * ($0 / norm) },
          followsNorms: true)
      }
    }
    return (asked.map(\.keys), writes, found.map(\.loss))
  }

  /// What is written into a layer; `nil` for nothing.
  private func factors(
    _ writes: [Write], layer: Int, _ name: String, _ network: Network
  ) throws -> LowRankFactors? {
    let own = writes.filter { $0.neurons.contains { $0.layer == layer } }
    guard !own.isEmpty else { return nil }
    let tensor = try setup.solver.model.tensor(name)
    let way = WeightSolver.orientation(of: name, in: setup.solver.model, fallback: nil)
    let bytes =
      try network.overlay[name]
      ?? setup.solver.model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    let weight = try tensor.floats(bytes, way)
    var left = Matrix<Double>(rows: weight.rows, columns: own.count)
    var right = Matrix<Double>(rows: own.count, columns: weight.columns)
    for (row, write) in own.enumerated() {
      for (output, value) in write.direction.enumerated() { left[output, row] = value }
      for neuron in write.neurons where neuron.layer == layer {
        let column = (0..<weight.rows).map { Double(weight[$0, neuron.index]) }
        right[row, neuron.index] = write.followsNorms ? column.sumOfSquares.squareRoot() : 1
      }
    }
    return LowRankFactors(left: left, right: right)
  }
}
