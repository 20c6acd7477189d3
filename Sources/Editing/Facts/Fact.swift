public import Transformer

/// One fact to be stored: what the model is to say after a prompt about a subject.
///
///     prompt "{} was born in", subject "Ada Example", join " ", target "Oslo"
///
/// No prompt has a space at its end, no target white space at either: what stands between them is the join.
public struct Fact: Equatable, Sendable {
  /// What the file calls its record: `case_id` or `id`, else the record's number, from 1.
  public let identifier: String
  /// The text before the target, with one `{}` where the subject goes; without one where the data do not name the subject in it.
  public let prompt: String
  /// What the fact is about; the key is taken at its last token. Empty where the data do not say.
  public let subject: String
  /// What is to follow the prompt.
  public let target: String
  /// What followed it before, as far as the file says.
  public let formerTarget: String?
  /// What stands between prompt and target.
  public let join: TextJoin

  /// Stands for the subject in a prompt.
  public static let placeholder = "{}"

  /// Makes a fact; the prompt must hold at most one `{}`, which `PromptTemplate` sees to.
  ///
  /// - Parameter join: where `nil`, what such text has there.
  public init(
    identifier: String, prompt: String, subject: String, target: String, formerTarget: String? = nil,
    join: TextJoin? = nil
  ) {
    precondition(
      prompt.byteOffsets(of: Fact.placeholder).count <= 1, "a prompt has one place for its subject")
    self.identifier = identifier
    self.prompt = prompt
    self.subject = subject
    self.target = target
    self.formerTarget = formerTarget
    self.join = join ?? TextJoin(between: Self.fill(prompt, with: subject), and: target)
  }

  /// What stands between the prompt and another text in the target's place: what such text has there, unless the file says otherwise of
  /// the target.
  public func join(before other: String) -> TextJoin {
    let prompt = filledPrompt
    return join == TextJoin(between: prompt, and: target) ? TextJoin(between: prompt, and: other) : join
  }

  /// The prompt and its target.
  public var statement: String { join.joining(filledPrompt, target) }

  /// Whether the prompt has a place for the subject, at which methods that store keys take theirs.
  public var hasSubjectPlace: Bool { Self.split(prompt) != nil }
  /// The prompt up to the subject; all of it where it has no place for one.
  public var textBeforeSubject: String { Self.split(prompt)?.before ?? prompt }
  /// The prompt after the subject.
  public var textAfterSubject: String { Self.split(prompt)?.after ?? "" }
  /// The text up to the end of the subject: what the key sees.
  public var textThroughSubject: String { Self.split(prompt).map { $0.before + subject } ?? prompt }
  /// The prompt with the subject in its place.
  public var filledPrompt: String { prompt(about: subject) }

  /// The prompt with another subject, such as an alias.
  public func prompt(about subject: String) -> String { Self.fill(prompt, with: subject) }

  private static func fill(_ prompt: String, with subject: String) -> String {
    split(prompt).map { $0.before + subject + $0.after } ?? prompt
  }

  private static func split(_ prompt: String) -> (before: String, after: String)? {
    guard let start = prompt.byteOffsets(of: Fact.placeholder).first else { return nil }
    let bytes = prompt.utf8
    return (String(bytes.prefix(start)) ?? "", String(bytes.dropFirst(start + 2)) ?? "")
  }
}
