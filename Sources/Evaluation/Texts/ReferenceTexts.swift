internal import Editing
internal import Glibc
internal import ModelFiles

/// Texts in which other subjects have the new property: CounterFact's `attribute_snippets.json`.
///
///     cos(u, v),  u_w = (times w occurs in the text) · (ln((1 + N) / (1 + texts with w)) + 1)
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
  private var documentCounts: [String: Int] = [:]
  private var documentCount = 0

  /// Reads `[{"relation_id", "target_id", "samples": [{"name", "text"}]}]`.
  ///
  /// - Throws: `EvaluationError.badReferences`; `ModelFileError` when the file cannot be read.
  public init(_ path: String) throws {
    let file = try OpenFile(path, .reading)
    guard let groups = (try? JSONValue(parsing: file.read(file.size(), at: 0)))?.elements else {
      throw EvaluationError.badReferences(file: path, element: nil)
    }
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
        documentCount += 1
        for word in Set(Self.words(text)) { documentCounts[word, default: 0] += 1 }
      }
    }
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
    for word in Self.words(text) where documentCounts[word] != nil { counts[word, default: 0] += 1 }
    return Dictionary(
      uniqueKeysWithValues: counts.map { word, count in
        let idf = log(Double(1 + documentCount) / Double(1 + documentCounts[word]!)) + 1
        return (word, Double(count) * idf)
      })
  }

  /// Runs of at least two letters, digits or underscores, in lower case.
  static func words(_ text: String) -> [String] {
    text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }.filter { $0.count > 1 }
      .map(String.init)
  }
}
