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
  /// Names and shapes of the trained numbers.
  let parameters: @Sendable (EditorShape) -> [(name: String, shape: [Int])]
  /// The same of numbers that are not trained.
  let constants: @Sendable (EditorShape) -> [(name: String, shape: [Int])]
  /// An untrained network, with ρ = 1; `nil` for one that makes no updates, but says which prompts are in a fact's scope.
  let untrained: (@Sendable (EditorShape, _ inputs: [UpdateInput], _ seed: UInt64) -> any UpdateNetwork)?
  /// A trained one.
  let trained:
    @Sendable (EditorShape, _ parameters: [Matrix<Float>], _ constants: [Matrix<Float>]) -> any TrainedNetwork
  /// Its rank, where nothing else is asked for.
  public let rank: Int
  /// Whether it says which prompts are in a fact's scope: what routes of memories look at, and no update of weights.
  public var findsScopes: Bool { untrained == nil }

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
    parameters: @escaping @Sendable (EditorShape) -> [(name: String, shape: [Int])],
    constants: @escaping @Sendable (EditorShape) -> [(name: String, shape: [Int])] = { _ in [] },
    untrained: (@Sendable (EditorShape, [UpdateInput], UInt64) -> any UpdateNetwork)? = nil,
    trained: @escaping @Sendable (EditorShape, [Matrix<Float>], [Matrix<Float>]) -> any TrainedNetwork
  ) {
    (self.name, self.summary, self.learningRate, self.readsWords) = (name, summary, learningRate, readsWords)
    (self.parameters, self.constants) = (parameters, constants)
    (self.untrained, self.trained, self.rank) = (untrained, trained, rank)
  }

  /// Kinds are told apart by their names.
  public static func == (first: EditorKind, second: EditorKind) -> Bool { first.name == second.name }
  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  /// Its name.
  public var description: String { name }
}
