internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// Trains one weight on each batch, from what the batches before it left.
struct TrainingEditor: Editor {
  private let setup: EditorSetup

  init(_ setup: EditorSetup) { self.setup = setup }

  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    let recipe = setup.recipe
    guard let layer = recipe.layers.first, recipe.layers.count == 1 else {
      throw EditError.methodTakesOneLayer(method: recipe.method, layers: recipe.layers)
    }
    let name = try network.downProjection(of: layer)
    progress(.gradients)
    let model = setup.solver.model
    let tensor = try model.tensor(name)
    let way = WeightSolver.orientation(of: name, in: model, fallback: setup.solver.orientation)
    let bytes =
      try network.overlay[name]
      ?? model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    let start = try tensor.floats(bytes, way)
    let texts = TargetText.all(batch.problems)
    var clock = WorkClock(in: WeightPhase.solving.rawValue)
    progress(.weight(name, .solving))
    let training = WeightTraining(
      network: network, layer: layer, settings: recipe.gradients, threads: setup.threads)
    let result = try training.train(texts, from: start)
    guard result.losses.allSatisfy({ $0[0].isFinite }) else { throw try network.notNumbers() }
    if let text = result.losses.firstIndex(where: { $0.contains { !$0.isFinite } }) {
      throw EditError.lossNotFinite(fact: batch.groups[texts[text].edit].facts[0].identifier)
    }
    let edited: [UInt8]
    do {
      edited =
        tensor.elementType.hasCodes
        ? try setup.solver.choose(result.change, of: tensor, bytes, keys: result.keys)
        : try tensor.adding(result.change, to: bytes, way, setup.solver.options)
    } catch let error as PatchError where error.isOfNumbers {
      let edit = result.mostDemanding(of: batch.problems.count)
      throw EditError.weightCannotHold(
        edit: "fact \(batch.groups[edit].facts[0].identifier)", cause: error)
    }
    var kept = try tensor.floats(edited, way)
    kept.subtract(start)
    let retentions =
      (base?[name]?.trained?.retentions ?? [])
      + result.retentions(of: kept, edits: batch.problems.count)
    var trained = WeightUpdate.Trained(bytes: edited, retentions: retentions)
    if tensor.elementType.hasCodes {
      trained.relativeNorm = (kept.elements.sumOfSquares / start.elements.sumOfSquares).squareRoot()
    }
    var update = WeightUpdate(
      tensor: tensor, orientation: way, trained: trained,
      inputWidth: start.columns)
    update.phases = clock.all()
    var weights = EditedWeights(overlay: network.overlay)
    try weights.append(update, from: setup.solver)
    return (
      weights, result.losses.curves(of: texts, edits: batch.problems.count).map { FactValue(trained: $0) }
    )
  }
}

extension WeightTraining.Result {
  /// The keys of all tokens. `[tokens × inputWidth]`
  fileprivate var keys: Matrix<Float> {
    batches.dropFirst().reduce(batches[0].keys) { $0.stacked(on: $1.keys) }
  }

  /// The edit of `edits` whose outputs training has changed most, ‖ΔK‖; one that they are no numbers for before all.
  fileprivate func mostDemanding(of edits: Int) -> Int {
    var squares = [Double](repeating: 0, count: edits)
    for batch in batches {
      let asked = batch.keys.times(change, otherTransposed: true)
      var row = 0
      for text in batch.texts {
        for _ in text.tokens {
          for value in asked.row(row) { squares[text.edit] += Double(value) * Double(value) }
          row += 1
        }
      }
    }
    let demands = squares.map { $0.isNaN ? .infinity : $0 }
    return demands.indices.max { demands[$0] < demands[$1] } ?? 0
  }

  /// Of each edit ⟨(Ŵ − W₀)K, ΔK⟩ / ⟨ΔK, ΔK⟩ over its keys; one where nothing was asked for.
  ///
  /// - Parameter kept: Ŵ − W₀. `[outputWidth × inputWidth]`
  fileprivate func retentions(of kept: Matrix<Float>, edits: Int) -> [Double] {
    var products = [Double](repeating: 0, count: edits)
    var squares = products
    for batch in batches {
      let got = batch.keys.times(kept, otherTransposed: true)
      let asked = batch.keys.times(change, otherTransposed: true)
      var first = 0
      for text in batch.texts {
        for row in first..<first + text.tokens.count {
          for (got, asked) in zip(got.row(row), asked.row(row)) {
            products[text.edit] += Double(got) * Double(asked)
            squares[text.edit] += Double(asked) * Double(asked)
          }
        }
        first += text.tokens.count
      }
    }
    return zip(products, squares).map { $1 > 0 ? $0 / $1 : 1 }
  }
}
