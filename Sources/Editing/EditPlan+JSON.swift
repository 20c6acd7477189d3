public import ModelFiles
public import Patches
internal import Transformer

extension EditPlan {
  /// The plan as a patch's `edit` object carries it: `method`, `recipe`, `contexts` and, under `plan`, the rest.
  public var json: [JSONValue.Member] {
    [
      .init("method", .string(method.name)), .init("recipe", .object(recipe.json)),
      .init("contexts", .array((contexts ?? []).map(\.json))), .init("plan", .object(rest)),
    ]
  }

  private var rest: [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    switch sequence {
    case .resolve: members.append(.init("sequence", "resolve"))
    case .accumulate(let batch, let anchorsNorm):
      members.append(.init("sequence", "accumulate"))
      if let batch { members.append(.init("batch", .integer(batch))) }
      if anchorsNorm { members.append(.init("normAnchor", true)) }
    }
    if isOriginal { members.append(.init("original", true)) }
    if let chat { members.append(.init("chat", chat.json)) }
    if method.hasClosedForm { members.append(.init("factorType", .string(factorType.rawValue))) }
    switch rounding {
    case .nearest, .aware: members.append(.init("rounding", .string(rounding.label)))
    case .stochastic(let seed):
      members.append(.init("rounding", "stochastic"))
      // As text: seeds have 64 bits, and JSON's readers may not.
      members.append(.init("roundingSeed", .string(String(seed))))
    }
    if let promotion { members.append(.init("promotion", .string(promotion.rawValue))) }
    if let inputs {
      members += [.init("model", .string(inputs.model)), .init("tokenizer", .string(inputs.tokenizer))]
      if let statistics = inputs.statistics { members.append(.init("statistics", .string(statistics))) }
      if let texts = inputs.texts { members.append(.init("texts", .string(texts))) }
      if let editor = inputs.editor { members.append(.init("editor", .string(editor))) }
    }
    return members
  }

  /// The plan that a patch was made by; `nil` for one that was not made of facts, or combined of several.
  ///
  /// - Throws: as reading a plan.
  public static func of(_ patch: PatchFile) throws -> EditPlan? {
    // Patches of keys and residuals say of their plan what it met, and no more.
    guard let edit = patch.manifest["edit"], edit["plan"]?["sequence"] != nil else { return nil }
    return try EditPlan(ofEdit: edit, of: patch)
  }

  /// Reads the plan of a patch's `edit` object.
  init(ofEdit edit: JSONValue, of patch: PatchFile) throws {
    try self.init(
      ofEdit: edit, family: patch.manifest["model"]?["family"]?.text.flatMap(ModelFamily.named),
      file: patch.path)
  }

  /// Reads the plan of a patch's `edit` object.
  ///
  /// - Parameter family: of the model.
  /// - Throws: `EditError.badRecipe` for a recipe that is none; `noStoredEdits` where something is missing.
  init(ofEdit edit: JSONValue, family: ModelFamily?, file: String) throws {
    func missing(_ what: String) -> EditError { .noStoredEdits(file: file, missing: what) }
    guard let method = edit["method"]?.text.flatMap({ EditMethod(name: $0) }) else { throw missing("method") }
    guard let recipeJSON = edit["recipe"] else { throw missing("recipe") }
    var recipe = EditRecipe(for: method, family: family, layerCount: 1, width: 1, keyWidth: 1)
    try recipe.read(recipeJSON, file: file, passingOver: Set(RecipeSetting.allCases))
    recipe.source = recipeJSON["source"]?.text ?? recipe.source
    self.init(recipe)
    contexts = try (edit["contexts"]?.elements ?? []).map { json in
      guard let context = ContextTemplate(json) else { throw missing("contexts") }
      return context
    }
    guard let rest = edit["plan"] else { throw missing("plan") }
    switch rest["sequence"]?.text {
    case "resolve": sequence = .resolve
    case "accumulate":
      sequence = .accumulate(batch: rest["batch"]?.integer, anchorsNorm: rest["normAnchor"] == true)
    default: throw missing("plan.sequence")
    }
    isOriginal = rest["original"] == true
    if let json = rest["chat"] {
      guard let frame = ChatFrame(json) else { throw missing("plan.chat") }
      chat = frame
    }
    guard chat != nil || !(contexts ?? []).contains(where: \.isChat) else { throw missing("plan.chat") }
    if method.hasClosedForm {
      guard let type = rest["factorType"]?.text.flatMap({ TensorChange.FactorType(rawValue: $0) }) else {
        throw missing("plan.factorType")
      }
      factorType = type
    }
    switch (rest["rounding"]?.text, rest["roundingSeed"]?.text.flatMap { UInt64($0) }) {
    case ("nearest", _): rounding = .nearest
    case ("aware", _): rounding = .aware
    case ("stochastic", let seed?): rounding = .stochastic(seed: seed)
    default: throw missing("plan.rounding")
    }
    promotion = rest["promotion"]?.text.flatMap { Promotion(rawValue: $0) }
    guard let model = rest["model"]?.text, let tokenizer = rest["tokenizer"]?.text else {
      throw missing("plan.model")
    }
    inputs = Inputs(
      model: model, tokenizer: tokenizer, statistics: rest["statistics"]?.text,
      texts: rest["texts"]?.text, editor: rest["editor"]?.text)
  }
}
