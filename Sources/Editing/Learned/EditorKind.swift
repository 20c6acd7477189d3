internal import LinearAlgebra

/// A kind of editor that can be trained: all that sets it apart from the others.
public struct EditorKind: Sendable, Hashable, CustomStringConvertible {
  /// What it is called: `train --editor`, and the method that applies it.
  public let name: String
  /// What it does, as half a sentence for help.
  public let summary: String
  /// Adam's step, where nothing else is asked for.
  public let learningRate: Double
  /// Whether it reads the fact in words.
  let readsWords: Bool
  /// Whether its last step is linear, where the released code's is not: `train --like released`.
  public let hasReleasedForm: Bool
  /// Names and shapes of the trained numbers.
  let parameters: @Sendable (EditorShape) -> [(name: String, shape: [Int])]
  /// The same of numbers that are not trained.
  let constants: @Sendable (EditorShape) -> [(name: String, shape: [Int])]
  /// What it is trained by, made of a training's records; told of each record before it is prepared, which may end it.
  let lessons: @Sendable (EditorTraining, _ prepared: () throws -> Void) throws -> PreparedLessons
  /// Blocks of a network of so many that it looks at where no others are asked for: whose feed-forwards it changes, or whose states it reads.
  let blocks: @Sendable (_ layerCount: Int) -> (layers: [Int], ends: [Int])
  /// A trained one.
  let trained:
    @Sendable (EditorShape, _ parameters: [Matrix<Float>], _ constants: [Matrix<Float>]) -> any TrainedNetwork
  /// Its rank, where nothing else is asked for.
  public let rank: Int
  /// Whether it says which prompts are in a fact's scope: what routes of memories look at, and no update of weights.
  public let findsScopes: Bool

  /// The kinds.
  public static let all = [mend, ke, serac]

  /// The method that applies it.
  public var methodName: String {
    EditMethod.all.first { $0.trainedKind == self }?.name
      ?? MemoryMethod.all.first { $0.trainedKind == self }?.name ?? name
  }

  /// The kind of this name.
  public init?(name: String) {
    guard let kind = Self.all.first(where: { $0.name == name }) else { return nil }
    self = kind
  }

  init(
    name: String, summary: String, learningRate: Double, rank: Int = 128, readsWords: Bool = false,
    hasReleasedForm: Bool = false, findsScopes: Bool = false,
    blocks: @escaping @Sendable (Int) -> (layers: [Int], ends: [Int]) = {
      (EditorSettings.layers(of: $0), [])
    },
    parameters: @escaping @Sendable (EditorShape) -> [(name: String, shape: [Int])],
    constants: @escaping @Sendable (EditorShape) -> [(name: String, shape: [Int])] = { _ in [] },
    lessons: @escaping @Sendable (EditorTraining, () throws -> Void) throws -> PreparedLessons,
    trained: @escaping @Sendable (EditorShape, [Matrix<Float>], [Matrix<Float>]) -> any TrainedNetwork
  ) {
    (self.name, self.summary, self.learningRate, self.readsWords) = (name, summary, learningRate, readsWords)
    (self.parameters, self.constants) = (parameters, constants)
    (self.lessons, self.blocks, self.findsScopes) = (lessons, blocks, findsScopes)
    (self.trained, self.rank, self.hasReleasedForm) = (trained, rank, hasReleasedForm)
  }

  /// Kinds are told apart by their names.
  public static func == (first: EditorKind, second: EditorKind) -> Bool { first.name == second.name }
  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  /// Its name.
  public var description: String { name }
}
