internal import Editing

/// English text as words and punctuation marks, sentence by sentence, for the entropy of texts.
///
/// NLTK's `word_tokenize`, which the reference uses, finds sentences by a trained model (punkt) and their words by the rules of
/// `TreebankRules`. Sentences matter only for full stops: the last one of a sentence is a word, others are part of theirs. In punkt's
/// place stands a plain rule: a full stop, closing marks behind it included, ends a sentence where white space follows and then no
/// lower-case letter, unless its word is an abbreviation — one letter, something with a full stop inside, or one of a short list.
/// So the two differ where punkt knows an abbreviation that is not in the list, or takes a listed one for a sentence's end.
enum Words {
  /// As punkt's English model takes them most often; in lower case, without the full stop.
  private static let abbreviations: Set<String> = [
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "gen", "col", "lt", "capt", "sgt", "rev", "hon",
    "gov", "sen", "rep", "co", "corp", "inc", "ltd", "jan", "feb", "aug", "sept", "oct", "nov", "dec",
  ]
  private static let closingMarks: Set<Unicode.Scalar> = ["\"", "'", ")", "]", "}", "»", "”", "’"]

  static func split(_ text: String) -> [String] { sentences(text).flatMap(TreebankRules.words) }

  /// The sentences, without white space around them.
  static func sentences(_ text: String) -> [String] {
    let scalars = Array(text.unicodeScalars)
    var sentences: [String] = []
    var start = 0
    func take(upTo end: Int) {
      var sentence = String.UnicodeScalarView()
      sentence.append(contentsOf: scalars[start..<end].trimmed)
      if !sentence.isEmpty { sentences.append(String(sentence)) }
      start = end
    }
    for place in scalars.indices where scalars[place] == "." {
      var end = place + 1
      while let mark = scalars.at(end), closingMarks.contains(mark) { end += 1 }
      guard let space = scalars.at(end), space.isSpace,
        let next = scalars[end...].first(where: { !$0.isSpace }), !next.properties.isLowercase,
        !isAbbreviation(endingAt: place, in: scalars)
      else { continue }
      take(upTo: end)
    }
    take(upTo: scalars.count)
    return sentences
  }

  /// Whether the full stop at a place is part of its word.
  private static func isAbbreviation(endingAt place: Int, in text: [Unicode.Scalar]) -> Bool {
    let word = text[..<place].reversed().prefix { $0.isWordPart || $0 == "." }.reversed()
    // "..." abbreviates nothing; it is a word wherever it stands.
    guard word.last != "." else { return false }
    let isName = word.count == 1 && word.first?.properties.isAlphabetic == true
    return isName || word.contains(".") && word.contains { $0.properties.isAlphabetic }
      || abbreviations.contains(String(String.UnicodeScalarView(word)).lowercased())
  }
}

extension ArraySlice<Unicode.Scalar> {
  /// Without white space at its ends.
  fileprivate var trimmed: ArraySlice {
    guard let first = firstIndex(where: { !$0.isSpace }), let last = lastIndex(where: { !$0.isSpace }) else {
      return []
    }
    return self[first...last]
  }
}
