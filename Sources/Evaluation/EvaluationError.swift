/// Why an evaluation was refused. Cases hold the values; the command writes the prose.
public enum EvaluationError: Error, Equatable, Sendable {
  /// The file of reference texts, or an element of it, is not in the form expected.
  case badReferences(file: String, element: Int?)
  /// A folder of word frequencies lacks something, or its two files do not fit each other.
  case badFrequencies(file: String, problem: String)
  /// There is no further record to demonstrate with.
  case noDemonstrations(file: String)
  /// A question of multiple choice lacks something; questions are counted from 1.
  case badQuestion(file: String, question: Int, problem: String)
  /// A text has fewer than two tokens.
  case textTooShort(file: String)
  /// A weight is of no criterion, or no number, below zero, or given twice.
  case badWeight(String)
  /// No criterion has any weight.
  case noWeights
  /// The edits were refused, or the records have no probes for these criteria.
  case nothingMeasured([String])
  /// Too few records to search on some and hold others out.
  case nothingToHoldOut(records: Int)
  /// A file of results has a line that is not one, counted from 1, and it is not the last.
  case badResults(file: String, line: Int)
  /// A file of results is one of several parts, and is to be used as if it were the whole.
  case partOfResults(file: String, part: Int, count: Int)
}
