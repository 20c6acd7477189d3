internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// What finds the updates of a run's batches, one after the other.
///
/// One is made for each run, so what goes on from batch to batch is its own.
protocol Editor {
  /// The weights with this batch on top of earlier ones, and for each group its value, or what the method has in its place.
  ///
  /// - Parameters:
  ///   - network: as earlier batches left it.
  ///   - base: what they came to; `nil` for the first.
  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue])
}

/// Facts that are edited together.
struct EditBatch {
  /// Facts that share a value.
  let groups: [FactGroup]
  /// Their texts, one problem a group.
  let problems: [ValueProblem]
}

/// What an editor works with.
struct EditorSetup {
  /// The unedited network.
  let network: Network
  let plan: EditPlan
  let solver: WeightSolver
  /// Values that need not be looked for.
  let known: KnownValues
  /// What some methods need beside.
  let aids: EditAids
  /// Makes texts ready for the network.
  let encoder: PromptEncoder
  /// Threads of the solver's own products.
  let threads: Int
  /// Rows of the texts whose values are found together.
  let batchRows: Int

  var recipe: EditRecipe { plan.recipe }
}

/// The weights of the edited layers, before they are stored.
struct EditedWeights {
  /// One per edited layer, ascending, all batches together.
  var updates: [WeightUpdate] = []
  /// What the weights of the edited layers become, rounded.
  var overlay: WeightOverlay
  /// Neurons that make all layers wider, instead of standing in the places of others.
  var added: (layer: Int, neurons: AddedNeurons)?

  subscript(name: String) -> WeightUpdate? { updates.first { $0.tensor.name == name } }

  /// Takes in a weight as it is once rounded.
  mutating func append(_ update: WeightUpdate, from solver: WeightSolver) throws {
    var update = update
    let bytes = try solver.rounded(&update)
    if let promoted = update.promoted {
      overlay.replace(update.tensor.name, by: bytes, of: promoted.type)
    } else {
      overlay[update.tensor.name] = bytes
    }
    updates.append(update)
  }
}
