public import ModelFiles
public import Patches
public import Transformer

/// Everything that decides a patch's bytes, beside the facts: what a method and its options come to, and what they meet.
///
/// A plan is made of `PlanOptions`, which refuses what does not go together; it stands in the patch, whole; and what is taken from an
/// earlier run – values, a patch to go on with – is held against it.
public struct EditPlan: Equatable, Sendable {
  /// Method, layers and numbers.
  public var recipe: EditRecipe
  /// Which edits are one problem.
  public var sequence = Sequence.resolve
  /// Whether the method's original form is asked for, where it has one beside the default.
  public var isOriginal = false
  /// Texts around the prompts; until the run begins `nil` where the model is to generate them.
  public var contexts: [ContextTemplate]?
  /// What goes around a prompt where the facts are to hold in a chat as well as plainly.
  public var chat: ChatFrame?
  /// Type of the stored factors.
  public var factorType = TensorChange.FactorType.f16
  /// Rounding of the edited elements.
  public var rounding = TensorChange.Rounding.nearest
  /// What quantized weights become; `nil` for codes where they hold the edit, else F16.
  public var promotion: Promotion?
  /// What the plan is carried out with; `nil` until the run begins.
  public var inputs: Inputs?

  /// Which edits are solved for together.
  public enum Sequence: Equatable, Sendable {
    /// All are one problem on the base.
    case resolve
    /// Each batch on top of the last, as published.
    ///
    /// - `batch`: facts of one; the method's own number where `nil`.
    /// - `anchorsNorm`: whether values found on an already edited network are scaled back to the norm that they would have on the
    ///   unedited one.
    case accumulate(batch: Int? = nil, anchorsNorm: Bool = false)
  }

  /// Identities of what a plan meets.
  public struct Inputs: Equatable, Sendable {
    /// The model's fingerprint.
    public var model: String
    /// The tokenizer's.
    public var tokenizer: String
    /// The second moments'; `nil` for methods that go without.
    public var statistics: String?
    /// The ordinary text's; `nil` for methods that read none.
    public var texts: String?
    /// The trained editor's; `nil` for methods that apply none.
    public var editor: String?
  }

  /// A plan with nothing but a recipe: all edits from the base, stored as they are by default.
  public init(_ recipe: EditRecipe) { self.recipe = recipe }

  /// Which method it is for.
  public var method: EditMethod { recipe.method }
  /// Whether edits are made batch by batch.
  public var accumulates: Bool { sequence != .resolve }

  /// Facts of one batch, of so many.
  func batchSize(of count: Int) -> Int {
    guard case .accumulate(let batch, _) = sequence else { return max(count, 1) }
    return max(batch ?? method.sequenceBatch ?? count, 1)
  }

  /// Whether there may be more than one batch.
  var hasBatches: Bool {
    guard case .accumulate(let batch, _) = sequence else { return false }
    return batch != nil || method.sequenceBatch != nil
  }

  /// The rule for keys and residuals.
  var rule: ValueRule { isOriginal ? method.originalRule ?? method.rule : method.rule }

  /// What is solved for: several facts at once from the base, by a method that takes one, are solved as its relative solves them.
  var solverSettings: UpdateSettings {
    var settings = recipe.update
    if !accumulates, let joint = method.joint { settings.method = joint() }
    return settings
  }

  /// Codes of quantized weights are chosen by the edit's objective; of other weights each element is rounded by itself.
  ///
  /// - Throws: `roundingNotDefined` for rounding by chance where elements share scales.
  mutating func settleRounding(of weights: [TensorInfo]) throws {
    let coded = weights.first { $0.elementType.hasCodes }
    if let coded, case .stochastic = rounding {
      throw PatchError.roundingNotDefined(tensor: coded.name, elementType: coded.elementType)
    }
    if coded != nil { rounding = .aware } else if rounding == .aware { rounding = .nearest }
    if coded == nil, promotion != nil {
      throw EditError.optionNeeds("--promote", other: "models whose edited weights are quantized")
    }
  }

  /// How updates are stored.
  public func storage(threads: Int) -> LowRankOptions {
    var options = LowRankOptions()
    options.factorType = factorType
    options.rounding = rounding
    options.threads = threads
    return options
  }
}
