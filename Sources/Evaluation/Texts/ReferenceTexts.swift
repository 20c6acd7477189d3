internal import Editing
internal import Floor
internal import Glibc
internal import ModelFiles
internal import Patches

/// Texts in which other subjects have the new property: CounterFact's `attribute_snippets.json`.
///
///     cos(u, v),  u_w = (times w occurs in the text) · idf_w,  idf_w = ln((1 + N) / (1 + texts with w)) + 1
///
/// Frequencies come from the texts themselves, all N of them. The reference took them once from the whole file, so with a part of it, or with other
/// texts, numbers differ; what it published can be given.
///
/// - Source: kmeng01/memit `dsets/attr_snippets.py`, `dsets/tfidf_stats.py` (scikit-learn's `TfidfVectorizer` with its
///   defaults, fitted on all texts), `experiments/py/eval_utils_counterfact.py` (`tfidf_similarity`).
public struct ReferenceTexts: Sendable {
  /// A text and whom it is about.
  private struct Sample: Sendable {
    let name: String
    let text: String
  }

  private var samples: [String: [Sample]] = [:]
  /// idf of every word that counts.
  private var weights: [String: Double] = [:]
  /// Tells apart results that were taken with other texts or frequencies.
  let identity: String

  /// Reads `[{"relation_id", "target_id", "samples": [{"name", "text"}]}]`.
  ///
  /// - Parameter frequencies: a folder with the vocabulary and idf of other texts; from these texts where `nil`.
  /// - Throws: `EvaluationError.badReferences`, `.badFrequencies`; `ModelFileError` when a file cannot be read.
  public init(_ path: String, frequencies: String? = nil) throws {
    let file = try TextFile(path, .json, limit: TextFile.Limit.dataset)
    identity =
      "references \(Digest(of: file.bytes).hexadecimal) \(try frequencies.map(WordFrequencies.identity) ?? "")"
    guard let groups = try file.json().elements else {
      throw EvaluationError.badReferences(file: path, element: nil)
    }
    var counts: [String: Int] = [:]
    var count = 0
    for (index, group) in groups.enumerated() {
      guard let relation = group["relation_id"]?.text, let target = group["target_id"]?.text,
        let list = group["samples"]?.elements
      else { throw EvaluationError.badReferences(file: path, element: index) }
      for sample in list {
        guard let text = sample["text"]?.text else {
          throw EvaluationError.badReferences(file: path, element: index)
        }
        samples[relation + " " + target, default: []].append(
          Sample(name: sample["name"]?.text ?? "", text: text))
        count += 1
        for word in Set(Self.words(text)) { counts[word, default: 0] += 1 }
      }
    }
    weights =
      try frequencies.map { try WordFrequencies.read($0) }
      ?? counts.mapValues { log(Double(1 + count) / Double(1 + $0)) + 1 }
  }

  /// The texts for a record's relation and target; with a name, those about it alone.
  func texts(of record: FactRecord, about name: String? = nil) -> [String]? {
    guard let relation = record.relationID, let target = record.targetID,
      let found = samples[relation + " " + target]
    else { return nil }
    return found.filter { name == nil || $0.name == name }.map(\.text)
  }

  /// Cosine of two texts' vectors; 0 where one has no known word.
  func similarity(_ first: String, _ second: String) -> Double {
    let (u, v) = (vector(first), vector(second))
    let dot = u.keys.sorted().reduce(0) { $0 + u[$1]! * (v[$1] ?? 0) }
    func norm(_ vector: [String: Double]) -> Double {
      vector.keys.sorted().reduce(0) { $0 + vector[$1]! * vector[$1]! }.squareRoot()
    }
    let scale = norm(u) * norm(v)
    return scale > 0 ? dot / scale : 0
  }

  private func vector(_ text: String) -> [String: Double] {
    var counts: [String: Int] = [:]
    for word in Self.words(text) where weights[word] != nil { counts[word, default: 0] += 1 }
    return Dictionary(uniqueKeysWithValues: counts.map { ($0, Double($1) * weights[$0]!) })
  }

  static func words(_ text: String) -> [String] { TextWords.words(text) }
}
