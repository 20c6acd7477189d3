public import Transformer

/// One question to a model, and what to hold its answer against.
public struct Probe: Equatable, Sendable {
  /// What a probe asks about.
  public enum Kind: String, CaseIterable, Sendable {
    /// The edited prompt itself.
    case efficacy
    /// The edited statement in other words.
    case paraphrase
    /// The edited prompt about another subject, whose answer is to stay.
    case neighborhood
    /// The edited statement under another name of the subject.
    case subjectReplace
    /// Asks for the subject, given the new target.
    case reversedRelation
    /// Takes the new target as a step on the way.
    case oneHop
    /// What follows from the edited statement.
    case logicalGeneralization
    /// Another property of the same subject, which is to stay.
    case otherRelation
    /// A neighbor's prompt behind the edited statement.
    case distractingNeighbor
    /// Further true answers of a relation with several, which are to stay.
    case forgetfulness
    /// Text that has nothing to do with the edit, whose answer is to stay.
    case locality
  }

  /// What it asks about.
  public let kind: Kind
  /// The whole text before the answer.
  public let prompt: String
  /// What a rightly edited model says; `nil` where the file does not tell.
  public let answer: String?
  /// What `answer` must be more probable than, for measures that compare two.
  public let rival: String?
  /// What stands between the prompt and either, where the file says so; `nil` for what such text has there.
  public let join: TextJoin?

  /// Makes a probe.
  public init(_ kind: Kind, prompt: String, answer: String?, rival: String? = nil, join: TextJoin? = nil) {
    self.kind = kind
    self.prompt = prompt
    self.answer = answer
    self.rival = rival
    self.join = join
  }

  /// What stands between the prompt and a text that follows it.
  public func join(before text: String) -> TextJoin { join ?? TextJoin(between: prompt, and: text) }
}
