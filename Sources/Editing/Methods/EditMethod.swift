/// An editing method: all that sets it apart from the others, in one value.
///
/// Each has a file of its own beside this one and a place in `all`; commands, help, recipes and checks ask the row.
public struct EditMethod: Sendable {
  /// What it is called: `--method`.
  public let name: String
  /// Other names that it goes by.
  var otherNames: [String] = []
  /// What it does, as half a sentence for help.
  public let summary: String
  /// What it puts into the common form; of methods that train, what does not matter.
  public var traits = Traits()
  /// Whether a value is optimized for each fact.
  public var optimizesValues = true
  /// Whether keys and residuals are solved for: all but those that train.
  public var hasClosedForm = true
  /// Whether it trains against ordinary text, which `--corpus` gives.
  public var readsText = false
  /// What was trained for the model and is applied, which `--editor` gives.
  public var trainedKind: EditorKind?
  /// Whether a fact must say what it is about.
  public var needsSubject = true
  /// How many layers it changes.
  var layers = LayerUse.oneOrMore
  /// How values become keys and residuals.
  var rule = ValueRule()
  /// The same for its original form, where that is another one.
  var originalRule: ValueRule?
  /// The numbers of a recipe that mean something to it.
  public let settings: Set<RecipeSetting>
  /// Facts of a batch in a sequence, where nothing is asked for; all of them where `nil`.
  public var sequenceBatch: Int?
  /// What solves for several facts at once where the method takes one at a time.
  var joint: (@Sendable () -> EditMethod)?
  /// What to change where facts do not take.
  public var advice =
    "the update writes too little of it. Try a smaller --second-moment-weight, more --layers, or fewer facts at once."
  /// Makes what finds the updates.
  let editor: @Sendable (EditorSetup) -> any Editor
  /// Its published numbers for a model, or what they come to for one of this size.
  var recipe: @Sendable (inout EditRecipe, RecipeModel) -> Void = { _, _ in }

  /// What a method puts into the common form Δ = R Eᵀ (MᵀQM + ρI)⁻¹ MᵀQ.
  public struct Traits: Sendable {
    /// Q.
    public var metric = MetricKind.identity
    /// λ, the weight of the second moment in the published settings.
    public var secondMomentWeight = 1.0
    /// ρ, against a second moment that already has its weight.
    public var ridge = 0.0
    /// Whether M holds the keys of earlier edits beside the new ones.
    public var usesEarlierKeys = false
    /// Whether it is defined for a single edit only.
    public var takesOneEdit = false
  }

  /// How many layers a method changes.
  enum LayerUse: Sendable {
    /// An edit is spread over several, as published.
    case spread
    /// One, as published; more where asked for.
    case oneOrMore
    /// Never more than one.
    case one
  }
}

extension EditMethod: CaseIterable {
  /// The methods, in the order in which help tells of them.
  public static let all = [
    memit, emmet, rome, pmet, alphaedit, ultraedit, ftl, ftm, kn, tPatcher, caliNet, mend, ke,
  ]
  /// The same.
  public static var allCases: [EditMethod] { all }

  /// The method of this name.
  public init?(name: String) {
    guard let method = Self.all.first(where: { $0.name == name || $0.otherNames.contains(name) }) else {
      return nil
    }
    self = method
  }

  /// Names for a sentence: "memit, emmet or rome".
  public static func list(_ methods: [EditMethod] = all, joining word: String = "or") -> String {
    let names = methods.map(\.name)
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " \(word) " + last
  }

  /// Whether it may change more than one layer.
  public var changesSeveralLayers: Bool { layers != .one }
  /// Whether it applies what was trained for the model.
  public var takesEditor: Bool { trainedKind != nil }
  /// Whether it is defined by the second moment of known keys, unless told to go without.
  public var usesSecondMoment: Bool { traits.metric != .identity }
}

extension EditMethod: Hashable, CustomStringConvertible {
  /// Methods are told apart by their names.
  public static func == (first: EditMethod, second: EditMethod) -> Bool { first.name == second.name }
  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  /// Its name.
  public var description: String { name }
}
