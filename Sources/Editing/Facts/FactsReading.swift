/// How records become facts, where the records leave it open.
public struct FactsReading: Sendable {
  /// Which answer of a zsRE record is the target.
  public var zsRETarget = ZsRETarget.alternative
  /// What is asked of subjects.
  public var subjects = Subjects.needed

  /// What is asked of a fact's subject.
  public enum Subjects: Sendable {
    /// It must be there, in one place of the prompt: methods that store keys take them there.
    case needed
    /// Where it is there, the prompt must name it: for measuring.
    case checked
    /// It may be missing from record and prompt: other methods go without.
    case free
  }

  /// The usual way.
  public init() {}
}

/// Which answer of a zsRE record is the target.
public enum ZsRETarget: String, CaseIterable, Sendable {
  /// `alt`, a counterfactual, as EasyEdit does; a record whose `alt` is empty is a bad record.
  case alternative
  /// `answers[0]`, the true answer, as memit does; it also puts a question mark behind the locality question.
  case answer
}
