internal import LinearAlgebra
internal import ModelFiles
public import Patches
public import Transformer

/// From a list of facts to a patch.
public struct FactEditRun {
  /// The model, ready to run; its weights are only read.
  public let network: Network
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// What is to be stored, with the probes that a dataset has.
  public let records: [FactRecord]
  /// Second moments; `nil` for methods that go without.
  public var statistics: StatisticsFile?
  /// Method, layers and numbers.
  public let recipe: EditRecipe
  /// How updates are stored.
  public let options: LowRankOptions
  /// Texts around the prompts; generated where `nil`.
  public var contexts: [ContextTemplate]?
  /// Values optimized before.
  public var knownValues: [ValuesFile] = []
  /// Edits of one batch in a sequence; all at once where `nil`.
  public var batch: Int?
  /// Edits of a patch that are solved for together with the new ones; their facts are among the records.
  public var earlier: PatchedEdits?
  /// The original of ROME, with keys that differ above and below the line.
  public var usesPublishedROME = false
  /// Whether values found on an already edited network are scaled back to the norm they would have on the unedited one.
  public var anchorsNorm = false
  /// Whether the patch carries what solving again takes.
  public var keepsEdits = true
  /// Whether each batch is solved on top of the last, as published, instead of all edits from the base.
  public var accumulates = false
  /// Metrics of keys, shared by edits of this model with these second moments; `nil` for an edit that stands alone.
  public var metrics: MetricCache?
  /// Whether the patch says what making it took. The same inputs then no longer give the same patch.
  public var recordsCost = false

  /// Gathers what an edit needs.
  public init(
    network: Network, tokenizer: Tokenizer, records: [FactRecord], statistics: StatisticsFile?,
    recipe: EditRecipe, options: LowRankOptions
  ) throws {
    self.network = network
    self.tokenizer = tokenizer
    self.records = records
    self.statistics = statistics
    self.recipe = recipe
    self.options = options
    guard let last = recipe.layers.last, last < network.configuration.layerCount, recipe.layers[0] >= 0 else {
      throw EditError.layersOutsideModel(layers: recipe.layers, layerCount: network.configuration.layerCount)
    }
  }

  /// Makes texts ready for the network.
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  /// Refuses weights that cannot be edited, before anything is computed for them.
  ///
  /// - Throws: `PatchError.notEditable` for elements that share scales.
  public func requireEditableWeights() throws {
    for layer in recipe.layers {
      let tensor = try network.model.tensor(network.downProjection(of: layer))
      guard tensor.elementType.isEditable else {
        throw PatchError.notEditable(tensor: tensor.name, elementType: tensor.elementType)
      }
    }
  }

  /// What the run is doing.
  public enum Stage: Sendable {
    case contexts
    case values(done: Int, of: Int)
    case weight(String, EditRun.Phase)
    case measuring
  }

  /// Contexts that are given, or generated with the recipe's seed.
  public func usedContexts() throws -> [ContextTemplate] {
    try contexts ?? ContextTemplate.generate(with: network, tokenizer, seed: recipe.values.seed)
  }
}
