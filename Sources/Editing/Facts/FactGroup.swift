/// Facts that share one key, in order of their first appearance: they get one joint value.
///
/// The key is taken at the subject's last token and sees only the text up to there, so facts with the same text up to the
/// end of the subject have it in common whatever follows. Solved apart, each would be stored at half its strength.
public struct FactGroup: Equatable, Sendable {
  /// The subject, as the first fact has it.
  public let subject: String
  /// At least one fact.
  public internal(set) var facts: [Fact]

  /// A group of facts about a subject.
  public init(subject: String, facts: [Fact]) {
    self.subject = subject
    self.facts = facts
  }
}

/// Facts as an edit takes them: without repeats, and those that share a key together.
public struct GroupedFacts: Equatable, Sendable {
  /// A fact that says what one before it says.
  public struct Repeat: Equatable, Sendable {
    /// The fact that is kept.
    public let kept: Fact
    /// The one that is left out.
    public let dropped: Fact

    /// Joins the two.
    public init(kept: Fact, dropped: Fact) {
      self.kept = kept
      self.dropped = dropped
    }
  }

  /// Groups in order of their first fact.
  public private(set) var groups: [FactGroup] = []
  /// What was left out, in order.
  public private(set) var repeats: [Repeat] = []

  /// Sorts facts out.
  ///
  /// - Throws: `contradiction` when two facts have the same filled prompt and different targets.
  public init(_ facts: [Fact]) throws(FactsError) {
    var byPrompt: [FactKey: Fact] = [:]
    var byKey: [[UInt8]: Int] = [:]
    for fact in facts {
      // Two ways to mark the subject in one sentence are two keys, but may not contradict each other either.
      if let first = byPrompt[.prompt(of: fact)], first.target != fact.target {
        throw .contradiction(first: first, second: fact)
      }
      if let first = byPrompt[FactKey(fact)] {
        repeats.append(Repeat(kept: first, dropped: fact))
        continue
      }
      byPrompt[FactKey(fact)] = fact
      byPrompt[.prompt(of: fact)] = byPrompt[.prompt(of: fact)] ?? fact
      let key = Array(fact.textThroughSubject.utf8)
      if let group = byKey[key] {
        groups[group].facts.append(fact)
      } else {
        byKey[key] = groups.count
        groups.append(FactGroup(subject: fact.subject, facts: [fact]))
      }
    }
  }
}

/// What makes two facts the same. Prompts go byte for byte: canonically equivalent spellings have different tokens, so
/// different keys; targets go by what Unicode holds for the same, because nobody wants both of two spellings.
struct FactKey: Hashable {
  private let filledPrompt: [UInt8]
  private let subjectEnd: Int?
  private let target: String?

  /// The same prompt, place of the subject and target.
  init(_ fact: Fact) {
    filledPrompt = Array(fact.filledPrompt.utf8)
    subjectEnd = fact.textThroughSubject.utf8.count
    target = fact.target
  }

  private init(filledPrompt: String) {
    self.filledPrompt = Array(filledPrompt.utf8)
    subjectEnd = nil
    target = nil
  }

  /// The same prompt.
  static func prompt(of fact: Fact) -> FactKey { FactKey(filledPrompt: fact.filledPrompt) }
}
