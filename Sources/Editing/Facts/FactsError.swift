public import ModelFiles

/// Where in a facts file something is wrong.
public struct RecordPlace: Equatable, Sendable {
  /// The file.
  public let file: String
  /// The record, from 1.
  public let record: Int
  /// The field and what leads to it, such as `requested_rewrite.target_new`; empty for the record as a whole.
  public let field: String

  /// Names a place.
  public init(file: String, record: Int, field: String = "") {
    self.file = file
    self.record = record
    self.field = field
  }
}

/// Why facts were refused. Cases hold the values; the command writes the prose.
public enum FactsError: Error, Equatable, Sendable {
  // MARK: The file

  /// The file is not UTF-8 from this byte on.
  case encoding(file: String, TextPlace)
  /// The file is not JSON at this byte.
  case syntax(file: String, TextPlace, problem: JSONError.Problem)
  /// There are no records.
  case noRecords(file: String)
  /// A folder has no file of facts.
  case noFactsInFolder(folder: String)

  // MARK: One record

  /// The record has none of the fields that tell a schema, but these.
  case unknownSchema(RecordPlace, fields: [String])
  /// A needed field is absent or null.
  case missingField(RecordPlace)
  /// A field holds another kind of value.
  case wrongType(RecordPlace, expected: String)
  /// A needed text is empty or only white space.
  case emptyField(RecordPlace)
  /// Two lists that belong together differ in length.
  case answerCount(RecordPlace, prompts: Int, answers: Int)
  /// The record holds several facts, and this field is a list of another length.
  case listCount(RecordPlace, facts: Int, found: Int)
  /// A list of several texts where one is meant.
  case severalTexts(RecordPlace, count: Int)
  /// The prompt has neither `{}` nor the subject.
  case subjectNotInPrompt(RecordPlace, subject: String)
  /// The prompt has the subject in another spelling, which has other tokens.
  case subjectSpelledOtherwise(RecordPlace, subject: String, found: String, difference: SpellingDifference)
  /// The literal prompt names the subject more than once.
  case subjectRepeated(RecordPlace, subject: String, count: Int)
  /// The prompt has more than one `{}`.
  case severalPlaceholders(RecordPlace, count: Int)
  /// The subject itself holds `{}`.
  case placeholderInSubject(RecordPlace, subject: String)

  // MARK: Several facts

  /// The same prompt about the same subject with two targets.
  case contradiction(first: Fact, second: Fact)
  /// No record has these identifiers.
  case noSuchIdentifiers([String])

  /// The record that is bad, where it is one record.
  public var place: RecordPlace? {
    switch self {
    case .unknownSchema(let place, _), .missingField(let place), .wrongType(let place, _),
      .emptyField(let place),
      .answerCount(let place, _, _), .listCount(let place, _, _), .severalTexts(let place, _),
      .subjectNotInPrompt(let place, _), .subjectRepeated(let place, _, _),
      .subjectSpelledOtherwise(let place, _, _, _),
      .severalPlaceholders(let place, _), .placeholderInSubject(let place, _):
      place
    case .encoding, .syntax, .noRecords, .noFactsInFolder, .contradiction, .noSuchIdentifiers:
      nil
    }
  }
}

/// Bad records among those that are wanted.
public struct BadRecords: Error, Equatable, Sendable {
  /// What is wrong with the first of them.
  public let first: FactsError
  /// How many there are.
  public let count: Int
  /// Of how many that are wanted.
  public let total: Int

  /// Joins them.
  public init(first: FactsError, count: Int, of total: Int) {
    self.first = first
    self.count = count
    self.total = total
  }
}
