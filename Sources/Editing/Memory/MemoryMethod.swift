public import Patches

/// A way of editing that leaves the weights alone: facts are kept as they are, and speak when a prompt is theirs.
///
/// One file and one row each, as of methods that change weights (`EditMethod`).
public struct MemoryMethod: Sendable {
  /// What it is called.
  public let name: String
  /// Other names that it goes by.
  var otherNames: [String] = []
  /// What it does, as half a sentence for help.
  public let summary: String
  /// When a fact speaks, unless told otherwise.
  public let route: MemoryRoute
  /// What it does then.
  public let action: MemoryAction
  /// In place of `route`: how facts are found by what the model makes of prompts, unless told otherwise.
  public var embedding: EmbeddingRoute? = nil
  /// In place of `route`: the kind of a trained editor that says which prompts are a fact's.
  public var trainedKind: EditorKind? = nil
  /// Whether a second model answers for its facts, which must be named where it is made and wherever it is asked.
  public var asksSecondModel = false
  /// Steps of what is searched or trained for it, at most.
  public var steps = 50
  /// How many demonstrations stand before a fact; 0 where it has none.
  public var demonstrationCount = 0
  /// What a fact does in the released code, where that is something else.
  public var released: MemoryAction? = nil
  /// Whether it changes what a layer gives, so that routes by words and texts have no part in it.
  public var isOfStates: Bool { action.routeKind != nil }

  /// Routes that make sense for it, as `--route` calls them.
  public let routes: [String]
}

extension MemoryMethod: CaseIterable, Hashable {
  /// The methods, in the order in which help tells of them.
  public static let all = [ike, memprompt, mello, seracSelf, serac, grace, wise]
  /// The same.
  public static var allCases: [MemoryMethod] { all }

  /// Names, for a sentence.
  public static func list(_ methods: [MemoryMethod]) -> String {
    methods.map(\.name).joined(separator: ", ")
  }

  /// The method of this name.
  public init?(name: String) {
    guard let method = Self.all.first(where: { $0.name == name || $0.otherNames.contains(name) }) else {
      return nil
    }
    self = method
  }

  /// By name.
  public static func == (first: MemoryMethod, second: MemoryMethod) -> Bool { first.name == second.name }
  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
