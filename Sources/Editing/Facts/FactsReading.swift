/// How records become facts, where the records leave it open.
public struct FactsReading: Sendable {
  /// Which answer of a zsRE record is the target.
  public var zsRETarget = ZsRETarget.alternative
  /// Whether every fact must name its subject, in a place of its prompt: methods that store keys take them there, others go without.
  public var needsSubject = true

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
