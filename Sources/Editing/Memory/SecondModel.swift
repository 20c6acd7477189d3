public import Floor
internal import ModelFiles
internal import Patches
public import Transformer

/// A model that answers in another one's place where facts of a memory speak: SERAC's counterfactual model.
///
/// It reads texts, so any model that is run will do, whatever its tokenizer. `Formats/memory.md`, action `second-model`.
public struct SecondModel: Sendable {
  /// The model, as it is: no patch and no memory.
  public let model: LanguageModel
  /// What goes around what it reads, by its own template; `nil` where nothing is a chat.
  public let chat: ChatFrame?
  /// The tensor digest that memories name it by.
  public let digest: Digest

  /// Joins the two; reads all of the model's weights once.
  public init(_ model: LanguageModel, chat: ChatFrame? = nil) throws {
    (self.model, self.chat) = (model, chat)
    digest = try model.network.model.digest(threads: model.network.threads)
  }
}

extension Memory {
  /// Takes the models that answer for its facts.
  ///
  /// - Throws: `EditError.secondModelMissing` where one is not given.
  mutating func answer(with models: [SecondModel]) throws {
    for source in sources {
      for wanted in source.arrays.section.parts.compactMap(\.action.secondModel) {
        guard let found = models.first(where: { $0.digest == wanted }) else {
          throw EditError.secondModelMissing(file: source.path, expected: wanted, given: models.map(\.digest))
        }
        seconds[wanted] = found
      }
    }
  }

  /// Whether another model answers for some of its facts.
  public var asksSecondModel: Bool { !seconds.isEmpty }

  /// The model that answers where this fact speaks; `nil` where that is the model itself.
  public func second(for recall: Recall?) -> SecondModel? { recall?.second.flatMap { seconds[$0] } }
}
