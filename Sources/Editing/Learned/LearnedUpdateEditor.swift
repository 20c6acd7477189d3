internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// MEND and KE: one gradient of each fact, made an update by a network that was trained to.
///
/// Facts of a batch are edited by the sum of their updates, as published.
struct LearnedUpdateEditor: Editor {
  private let setup: EditorSetup
  private let editor: LearnedEditor
  private let network: any UpdateNetwork
  /// Edits of earlier batches.
  private var doneCount = 0

  /// - Precondition: the run has an editor.
  init(_ setup: EditorSetup) {
    guard let editor = setup.aids.editor(for: setup.plan.method),
      let network = editor.network as? any UpdateNetwork
    else { preconditionFailure("a trained editor") }
    (self.setup, self.editor, self.network) = (setup, editor, network)
  }

  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    progress(.gradients)
    let texts = TargetText.all(batch.problems)
    let reader = UpdateInputReader(
      network: network, encoder: setup.encoder, layers: editor.layers, kind: editor.kind)
    var losses: [Float] = []
    var parts = editor.layers.map { _ in LayerPart() }
    for text in texts {
      let (input, found) = try reader.read(
        text, words: batch.problems[text.edit].prompts[text.variant / 2].fact)
      losses += [text].targetMeans(found)
      var updates = self.network.run(input).factors
      for (index, sign) in editor.signs.enumerated() { updates[index].left.scale(by: -sign) }
      for index in editor.layers.indices {
        parts[index].left.append(updates[index].left)
        parts[index].right.append(updates[index].right)
        parts[index].keys.append(input.keys[index])
        parts[index].edits += (0..<input.keys[index].rows).map { _ in doneCount + text.edit }
      }
    }
    doneCount += batch.problems.count
    var weights = EditedWeights(overlay: network.overlay)
    for (index, layer) in editor.layers.enumerated() {
      let name = try network.downProjection(of: layer)
      progress(.weight(name, .solving))
      let part = parts[index]
      let factors = LowRankFactors(
        left: Matrix<Double>(part.left.stacked()).transposed(), right: Matrix<Double>(part.right.stacked()))
      try weights.append(
        WeightUpdate.written(
          factors, of: name, at: Matrix<Double>(part.keys.stacked()), edits: part.edits,
          names: batch.groups.map { $0.facts[0].identifier }, after: base, solver: setup.solver),
        from: setup.solver)
    }
    return (weights, losses.means(of: texts, count: batch.problems.count).map { FactValue(trained: [$0]) })
  }

  /// What the texts add to a layer.
  private struct LayerPart {
    var left: [Matrix<Float>] = []
    var right: [Matrix<Float>] = []
    var keys: [Matrix<Float>] = []
    var edits: [Int] = []
  }
}

extension [Matrix<Float>] {
  /// One above the other.
  fileprivate func stacked() -> Matrix<Float> { dropFirst().reduce(self[0]) { $0.stacked(on: $1) } }
}
