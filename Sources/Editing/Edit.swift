internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
public import Transformer

/// From a list of facts to a patch.
public struct Edit {
  /// The model, ready to run; its weights are only read.
  public let network: Network
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// What is to be stored, with the probes that a dataset has.
  public let records: [FactRecord]
  /// Second moments; `nil` for methods that go without.
  public var statistics: StatisticsFile?
  /// Everything that decides the patch's bytes.
  public var plan: EditPlan
  /// Values optimized before.
  public var knownValues: [ValuesFile] = []
  /// What some methods need beside.
  public var aids = EditAids()
  /// Edits of a patch that are solved for together with the new ones; their facts are among the records.
  public var earlier: PatchedEdits?
  /// Whether the patch carries what solving again takes.
  public var keepsEdits = true
  /// Whether the patch says what making it took. The same inputs then no longer give the same patch.
  public var recordsCost = false
  /// Rows of the texts whose values are found together. The last bits of a value depend on what it is found together with.
  var batchRows = 1024
  /// Metrics of keys, shared by edits of this model with these second moments; `nil` for an edit that stands alone.
  public var metrics: MetricCache?

  /// Gathers what an edit needs.
  ///
  /// - Throws: `layersOutsideModel`, `methodTakesOneLayer`.
  public init(
    network: Network, tokenizer: Tokenizer, records: [FactRecord], statistics: StatisticsFile?, plan: EditPlan
  ) throws {
    self.network = network
    self.tokenizer = tokenizer
    self.records = records
    self.statistics = statistics
    self.plan = plan
    self.plan.recipe.layers = plan.recipe.spread.written(of: plan.recipe.layers)
    try plan.requireLayers(of: network.configuration)
    let weights = try plan.recipe.layers.flatMap { layer in
      try network.downProjections(of: layer).map { try network.model.tensor($0.stack ?? $0.name) }
    }
    try self.plan.settleRounding(of: weights)
  }

  /// What the run is doing.
  public enum Stage: Sendable {
    case contexts
    case values(done: Int, of: Int)
    case gradients
    case training
    case weight(String, WeightPhase)
    case measuring
  }

  /// Makes texts ready for the network.
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  /// Refuses weights that cannot be edited, before anything is computed for them.
  ///
  /// - Throws: `PatchError.notEditable` for elements that share scales, `ConfigurationError.quantized` for a packed folder's.
  public func requireEditableWeights() throws {
    for layer in plan.recipe.layers {
      let projections = network.downProjections(of: layer)
      for projection in projections {
        if let stack = projection.stack, let promotion = plan.promotion, promotion != .keep {
          throw EditError.promotesPart(tensor: stack)
        }
        try network.model.requirePlain(projection.name)
        try network.model.tensor(projection.name).requireWeight()
      }
      if projections.count > 1, !plan.method.optimizesValues {
        throw EditError.methodTakesOneWeight(method: plan.method, layer: layer, experts: projections.count)
      }
    }
  }

  /// Whether weights that are edited are parts of larger tensors, with whose other parts they share a type.
  var editsParts: Bool {
    plan.recipe.layers.contains { network.downProjections(of: $0).contains { $0.stack != nil } }
  }

  /// Contexts that are given, or generated with the recipe's seed.
  public func usedContexts() throws -> [ContextTemplate] {
    try plan.contexts ?? ContextTemplate.generate(with: network, tokenizer, seed: plan.recipe.values.seed)
  }

  /// The plan with all that it meets. One that is whole already is taken as it is: edits of one comparison share it.
  public func completedPlan() throws -> EditPlan {
    guard plan.contexts == nil || plan.inputs == nil else { return plan }
    if plan.method.readsText, aids.text.texts.isEmpty { throw EditError.methodNeedsText(method: plan.method) }
    if plan.method.takesEditor {
      guard let editor = aids.editor(for: plan.method) else {
        if let other = aids.editors.first {
          throw EditError.editorOfOtherMethod(file: other.path, kind: other.kind, method: plan.method.name)
        }
        throw EditError.methodNeedsEditor(method: plan.method)
      }
      try editor.require(network)
      guard editor.layers == plan.recipe.layers else {
        throw EditError.editorOfOtherLayers(
          file: editor.path, layers: editor.layers, wanted: plan.recipe.layers)
      }
    }
    var plan = plan
    let contexts = try usedContexts()
    let isShared = plan.chat == nil || contexts.contains(where: \.isChat)
    plan.contexts = isShared ? contexts : ContextTemplate.sharing(contexts)
    let weights = plan.recipe.layers.flatMap { network.downProjections(of: $0).map(\.name) }
    plan.inputs = .init(
      model: try network.model.fingerprint().hexadecimal,
      tokenizer: try tokenizer.fingerprint(of: network.model).hexadecimal,
      statistics: try plan.recipe.update.usesSecondMoment
        ? statistics?.identity(of: weights, threads: network.threads) : nil,
      texts: plan.method.readsText ? aids.text.identity : nil,
      editor: aids.editor(for: plan.method)?.digest.hexadecimal)
    return plan
  }
}
