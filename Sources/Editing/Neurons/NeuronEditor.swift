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

  /// Where a token of a target is to be written.
  private struct Write {
    let old: Int32
    let new: Int32
    let neurons: [KnowledgeNeurons.Neuron]
  }

  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    progress(.gradients)
    let recipe = setup.recipe
    let search = NeuronSearch(
      network: network, settings: recipe.neurons, quadrature: .gauss(recipe.steps), layers: recipe.layers)
    var writes: [Write] = []
    var keys: [(edit: Int, rows: [[Float]])] = []
    var losses: [FactValue] = []
    for (edit, problem) in batch.problems.enumerated() {
      progress(.values(done: edit, of: batch.problems.count))
      let found = try problem.prompts.flatMap { try search.find($0) }
      for asked in found.flatMap(\.asked) {
        keys.append((doneCount + edit, asked.keys))
        if !asked.neurons.isEmpty {
          writes.append(Write(old: asked.old, new: asked.new, neurons: asked.neurons.map(\.neuron)))
        }
      }
      losses.append(FactValue(trained: [found.reduce(0) { $0 + $1.loss } / Float(max(found.count, 1))]))
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
    let directions = try network.headRows(of: own.flatMap { [$0.old, $0.new] })
    var left = Matrix<Double>(rows: weight.rows, columns: directions.rows)
    var right = Matrix<Double>(rows: directions.rows, columns: weight.columns)
    for row in 0..<directions.rows {
      let direction = directions.row(row).map(Double.init)
      let norm = max(direction.sumOfSquares.squareRoot(), .leastNormalMagnitude)
      for (output, value) in direction.enumerated() { left[output, row] = value / norm }
      let factor = row % 2 == 0 ? -setup.recipe.neurons.erasing : setup.recipe.neurons.writing
      for neuron in own[row / 2].neurons where neuron.layer == layer {
        let column = (0..<weight.rows).map { Double(weight[$0, neuron.index]) }
        right[row, neuron.index] = factor * column.sumOfSquares.squareRoot()
      }
    }
    return LowRankFactors(left: left, right: right)
  }
}
