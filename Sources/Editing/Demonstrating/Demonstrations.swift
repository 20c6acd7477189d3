internal import Floor
internal import Patches

/// Further facts that stand before the new one in in-context editing, so that the model sees what is meant: those nearest to it, the
/// nearest last.
///
/// Two facts are the nearer the more words they share: words in both over words in either, of filled prompt and target in lower case; of
/// facts equally near the one that stands first in its file. Records that are evaluated themselves serve only where there are too few
/// others, and never one that speaks of the fact's subject: it might tell what is to be forgotten. (IKE takes the cosine of sentence
/// embeddings, for which it has a second model.)
public struct Demonstrations: Equatable, Sendable {
  /// How many, at most.
  public let count: Int
  private let records: [FactRecord]
  /// Those of them that are not evaluated stand first.
  private let otherCount: Int
  /// Words of each record, and the records that have a word.
  private let sizes: [Int]
  private let places: [String: [Int]]
  /// Tells apart other choices of records.
  package let identity: String

  /// IKE's number.
  public static let publishedCount = 32

  /// - Parameters:
  ///   - others: records that are not evaluated.
  ///   - evaluated: those that are, to serve for each other.
  public init(_ count: Int, from others: [FactRecord], then evaluated: [FactRecord] = []) {
    self.count = count
    records = others + evaluated
    otherCount = others.count
    let words = records.map { Self.words($0.fact) }
    sizes = words.map(\.count)
    var places: [String: [Int]] = [:]
    for (index, words) in words.enumerated() {
      for word in words { places[word, default: []].append(index) }
    }
    self.places = places
    let texts = records.map { Demonstration($0, place: 0).text + Demonstration($0, place: 1).text }
    identity = "\(count) demonstrations, \(Digest(of: Array(texts.joined().utf8)).hexadecimal)"
  }

  private static func words(_ fact: Fact) -> Set<String> {
    Set(TextWords.words(fact.filledPrompt + " " + fact.target))
  }

  /// Those for a fact, the nearest last.
  func chosen(for fact: Fact) -> [Demonstration] {
    let words = Self.words(fact)
    var shared = [Int](repeating: 0, count: records.count)
    for word in words { for place in places[word] ?? [] { shared[place] += 1 } }
    func nearness(_ index: Int) -> Double {
      Double(shared[index]) / Double(max(words.count + sizes[index] - shared[index], 1))
    }
    typealias Candidate = (index: Int, nearness: Double)
    func isBefore(_ a: Candidate, _ b: Candidate) -> Bool { (b.nearness, a.index) < (a.nearness, b.index) }
    // The nearest so far, in order: few are kept, and of many thousand records most stand behind the last of them.
    func nearest(_ count: Int, _ range: Range<Int>) -> [Candidate] {
      var best: [Candidate] = []
      for index in range where count > 0 {
        let candidate = (index, nearness(index))
        if best.count == count, !isBefore(candidate, best[count - 1]) { continue }
        if Demonstration.mentions(fact.subject, records[index]) { continue }
        if best.count == count { best.removeLast() }
        best.insert(candidate, at: best.firstIndex { isBefore(candidate, $0) } ?? best.count)
      }
      return best
    }
    let others = nearest(count, 0..<otherCount)
    let rest = nearest(count - others.count, otherCount..<records.count)
    return (others + rest).sorted(by: isBefore).enumerated()
      .map { Demonstration(records[$1.index], place: $0) }.reversed()
  }

  /// What stands before each prompt of a record.
  ///
  /// - Parameters:
  ///   - room: tokens that there is room for; demonstrations farthest from the fact are left out until the text fits.
  ///   - size: tokens of a text.
  package func text(for fact: Fact, room: Int?, size: (String) -> Int) -> String {
    var texts = chosen(for: fact).map(\.text)[...]
    let question = Demonstration.question(fact)
    if let room {
      var total = size(question) + texts.reduce(0) { $0 + size($1) }
      while let first = texts.first, total > room {
        total -= size(first)
        texts.removeFirst()
      }
    }
    return texts.joined() + question
  }
}
