internal import Editing
internal import Floor
internal import ModelFiles
internal import Patches

/// Vocabulary and idf that were taken from other texts, as ROME and MEMIT publish them beside CounterFact.
///
///     tfidf_vocab.json   {word: its number, …}, numbers from 0
///     idf.npy            F64 [words], by number
///
/// - Source: kmeng01/rome, `dsets/tfidf_stats.py`.
enum WordFrequencies {
  private static let byteLimit = 1 << 28

  /// idf by word.
  ///
  /// - Throws: `EvaluationError.badFrequencies`; `ModelFileError` when a file cannot be read.
  static func read(_ folder: String) throws -> [String: Double] {
    let vocabulary = Folder.path(folder, "tfidf_vocab.json")
    let numbers = Folder.path(folder, "idf.npy")
    guard let members = try JSONValue(readingFile: vocabulary, limit: byteLimit).members else {
      throw EvaluationError.badFrequencies(file: vocabulary, problem: "it is not a JSON object")
    }
    guard let values = NumPyVector.doubles(try bytes(numbers)) else {
      throw EvaluationError.badFrequencies(
        file: numbers, problem: "it is not a NumPy file of one row of 64-bit floating-point numbers")
    }
    guard members.count == values.count else {
      throw EvaluationError.badFrequencies(
        file: numbers, problem: "it holds \(values.count) numbers for \(members.count) words")
    }
    var frequencies: [String: Double] = [:]
    for member in members {
      guard let number = member.value.integer, values.indices.contains(number) else {
        throw EvaluationError.badFrequencies(
          file: vocabulary, problem: "the word \(member.key) has no number below \(values.count)")
      }
      guard values[number].isFinite, values[number] >= 0 else {
        throw EvaluationError.badFrequencies(
          file: numbers, problem: "number \(number) is infinite, negative or none")
      }
      frequencies[member.key] = values[number]
    }
    return frequencies
  }

  /// Tells apart folders with other numbers.
  static func identity(_ folder: String) throws -> String {
    try ["tfidf_vocab.json", "idf.npy"].map { Digest(of: try bytes(Folder.path(folder, $0))).hexadecimal }
      .joined(separator: " ")
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    let file = try OpenFile(path, .reading)
    let size = try file.size()
    guard size <= byteLimit else {
      throw EvaluationError.badFrequencies(file: path, problem: "it is larger than \(byteLimit) bytes")
    }
    return try file.read(size, at: 0)
  }
}
