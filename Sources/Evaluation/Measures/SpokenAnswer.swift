/// Compares what a model goes on with to an answer, as texts.
///
/// - Source: zjunlp/EasyEdit `easyeditor/evaluate`, generate mode: cut at the first full stop or line end; lower case, without
///   punctuation and articles, single spaces, as in SQuAD's evaluation.
enum SpokenAnswer {
  static func matches(_ continuation: String, _ answer: String) -> Bool {
    let line = continuation.drop { $0.isWhitespace }.prefix { !$0.isNewline }
    let wanted = normalized(answer)
    if normalized(String(line)) == wanted { return true }
    // An answer may hold a full stop itself, as in "St. Louis": the cut goes behind as many as it has.
    let stops = answer.count { $0 == "." }
    var parts = line.split(separator: ".", omittingEmptySubsequences: false)
    parts = Array(parts.prefix(stops + 1))
    return normalized(parts.joined(separator: ".")) == wanted
      || normalized(String(parts.first ?? "")) == wanted
  }

  /// Whether two continuations say the same up to where they are cut.
  static func isAlike(_ one: String, _ other: String) -> Bool {
    func sentence(_ text: String) -> String {
      let line = text.drop { $0.isWhitespace }.prefix { !$0.isNewline }
      for stop in line.indices where line[stop] == "." {
        let next = line.index(after: stop)
        guard next == line.endIndex || line[next].isWhitespace else { continue }
        // "St. Louis": an abbreviation ends no sentence.
        let word = line[..<stop].reversed().prefix { $0.isLetter || $0.isNumber }
        if word.count > 3 || !(word.last?.isUppercase ?? false) { return normalized(String(line[..<stop])) }
      }
      return normalized(String(line))
    }
    return sentence(one) == sentence(other)
  }

  static func mentions(_ continuation: String, _ answer: String) -> Bool {
    let (text, wanted) = (Array(continuation.utf8), Array(answer.utf8))
    guard !wanted.isEmpty, wanted.count <= text.count else { return false }
    return (0...text.count - wanted.count).contains { text[$0...].starts(with: wanted) }
  }

  static func normalized(_ text: String) -> String {
    let kept = text.lowercased().filter { !$0.isPunctuation && !$0.isSymbol }
    return kept.split(whereSeparator: \.isWhitespace).filter { !["a", "an", "the"].contains($0) }
      .joined(separator: " ")
  }
}
