public import ModelFiles
public import Patches
public import Transformer

/// What somebody asks for, before it is known whether it goes together. What is not asked for is `nil`.
public struct PlanOptions: Sendable {
  /// The method; that of the patch which is gone on with, else memit.
  public var method: EditMethod?
  /// Recipe files to start from, in order.
  public var recipes: [String] = []
  /// Numbers of the recipe, in the order in which they were given.
  public var settings: [(setting: RecipeSetting, value: JSONValue)] = []
  /// A file of traces that chooses the layers: as many as the recipe has.
  public var trace: String?
  /// Whether edits are made batch by batch.
  public var accumulates = false
  /// Facts of a batch.
  public var batch: Int?
  /// Whether the norms of values are anchored.
  public var anchorsNorm = false
  /// Whether the method's original form is asked for.
  public var isOriginal = false
  /// Texts around the prompts.
  public var contexts: [ContextTemplate]?
  /// What goes around a prompt where the facts are to hold in a chat as well as plainly.
  public var chat: ChatFrame?
  /// Type of the stored factors.
  public var factorType: TensorChange.FactorType?
  /// Whether elements are rounded at random.
  public var roundsAtRandom: Bool?
  /// What quantized weights become.
  public var promotion: Promotion?
  /// Seed of that rounding, and of generated contexts.
  public var seed: UInt64?

  /// Numbers that the recipe files may have although the method has not: those of other methods that read the same files.
  public var passesOver: Set<RecipeSetting> = []

  /// Nothing is asked for.
  public init() {}

  /// Refuses what does not go together, whatever the model is.
  ///
  /// - Parameter method: `nil` where a patch will say.
  /// - Throws: `EditError.settingOfAnotherMethod`, `optionOfAnotherMethod`, `optionNeeds`, `methodTakesOneLayer`.
  public func validate(for method: EditMethod?) throws {
    if !accumulates {
      if batch != nil { throw EditError.optionNeeds("--batch", other: "--sequence accumulate") }
      if anchorsNorm { throw EditError.optionNeeds("--norm-anchor", other: "--sequence accumulate") }
    }
    guard let method else { return }
    for (setting, _) in settings where !method.settings.contains(setting) {
      throw EditError.settingOfAnotherMethod(setting, method: method, file: nil)
    }
    if anchorsNorm, !method.optimizesValues {
      throw EditError.optionOfAnotherMethod("--norm-anchor", method: method)
    }
    if isOriginal, method.originalRule == nil {
      throw EditError.optionOfAnotherMethod("--rome-compat", method: method)
    }
    if factorType != nil, !method.hasClosedForm {
      throw EditError.optionOfAnotherMethod("--factor-type", method: method)
    }
  }

  /// The plan for a model.
  ///
  /// - Parameter earlier: a patch that is gone on with. Its plan holds where nothing else is asked for; solver and storage may be
  ///   others, because all of its edits are solved for again, but not the method, nor what its values were found with.
  /// - Throws: as `validate`; `badRecipe`; `badTrace` and its kin; `otherPlan` where something asked for contradicts the patch; `layersOutsideModel`.
  public func plan(
    for configuration: NetworkConfiguration, goingOnWith earlier: PatchedEdits? = nil
  ) throws -> EditPlan {
    let method = method ?? earlier?.plan.method ?? .memit
    try validate(for: method)
    var plan: EditPlan
    if let earlier {
      guard method == earlier.plan.method else {
        throw EditError.otherPlan(
          file: earlier.patch.path,
          .init(key: "method", found: earlier.plan.method.name, wanted: method.name))
      }
      plan = earlier.plan
    } else {
      plan = EditPlan(EditRecipe(for: method, configuration: configuration))
    }
    for path in recipes { try plan.recipe.read(path, passingOver: passesOver) }
    for (setting, value) in settings where !plan.recipe.set(setting, to: value) {
      throw EditError.badSetting(setting, value: value.text ?? value.compactText)
    }
    if let trace {
      let choice = try TraceFile(trace).choice(
        of: plan.recipe.layers.count, in: configuration.layerCount, file: trace)
      plan.recipe.layers = choice.layers
    }
    plan.recipe.layers = plan.recipe.spread.written(of: plan.recipe.layers)
    if let seed { plan.recipe.values.seed = seed }
    if accumulates { plan.sequence = .accumulate(batch: batch, anchorsNorm: anchorsNorm) }
    if plan.recipe.neurons.widens, plan.accumulates {
      throw EditError.optionNeeds(
        "--widen", other: "--sequence resolve: one width holds the neurons of all batches")
    }
    if isOriginal { plan.isOriginal = true }
    if let contexts { plan.contexts = contexts }
    if let chat { try plan.goOn(in: chat, with: earlier) }
    if let factorType { plan.factorType = factorType }
    if let promotion { plan.promotion = promotion }
    if let roundsAtRandom {
      plan.rounding = roundsAtRandom ? .stochastic(seed: seed ?? plan.recipe.values.seed) : .nearest
    } else if let seed, case .stochastic = plan.rounding {
      plan.rounding = .stochastic(seed: seed)
    }
    if seed != nil, plan.rounding == .nearest, plan.contexts != nil || !method.optimizesValues {
      throw EditError.optionNeeds(
        "--seed", other: "--rounding stochastic and for contexts that are generated")
    }
    try plan.requireLayers(of: configuration)
    try earlier?.requireValues(of: plan)
    // What it meets now is found out when it begins.
    plan.inputs = nil
    return plan
  }
}

extension EditPlan {
  /// Takes a chat. A patch that is gone on with keeps its own, in which a template may have told the date, if template and system's text are
  /// the same.
  fileprivate mutating func goOn(in asked: ChatFrame, with earlier: PatchedEdits?) throws {
    guard let earlier else {
      chat = asked
      return
    }
    func name(_ frame: ChatFrame?) -> String {
      guard let frame else { return "" }
      let system = frame.system.map { ", system “\($0)”" } ?? ""
      return "\(frame.template) \(frame.digest.prefix(12))…\(system)"
    }
    guard let chat, chat.digest == asked.digest, chat.system == asked.system else {
      throw EditError.otherPlan(
        file: earlier.patch.path, .init(key: "chat", found: name(chat), wanted: name(asked)))
    }
  }

  /// Refuses layers that the model does not have, or more than the method changes.
  func requireLayers(of configuration: NetworkConfiguration) throws {
    let layers = recipe.layers
    guard let last = layers.last, last < configuration.layerCount, layers[0] >= 0 else {
      throw EditError.layersOutsideModel(layers: layers, layerCount: configuration.layerCount)
    }
    guard layers.count == 1 || method.layers != .one else {
      throw EditError.methodTakesOneLayer(method: method, layers: layers)
    }
  }
}

extension EditRecipe {
  /// The recipe for a network.
  public init(for method: EditMethod, configuration: NetworkConfiguration) {
    self.init(
      for: method, family: configuration.family, layerCount: configuration.layerCount,
      width: configuration.width, keyWidth: configuration.feedForwardWidth,
      addsOutputsAsTheyAre: configuration.addsOutputsAsTheyAre)
    // Behind a norm, a change wanted of the stream is none of the weight's output: values are looked for there.
    if !configuration.addsOutputsAsTheyAre, values.target == .hidden { values.target = .value }
  }
}
