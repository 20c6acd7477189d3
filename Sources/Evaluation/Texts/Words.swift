/// English text as words and punctuation marks, in the manner of the Penn treebank.
///
/// NLTK's `word_tokenize`, which the reference uses, also finds sentences by a trained model; here a full stop is a mark of its own
/// unless it ends an abbreviation: a single letter, or a word with a full stop inside.
enum Words {
  private static let marks: Set<Character> = [
    ",", ";", ":", "?", "!", "(", ")", "[", "]", "{", "}", "<", ">", "\"", "“", "”", "@", "#", "$", "%", "&",
    "…",
  ]
  private static let endings = ["n't", "'s", "'m", "'d", "'ll", "'re", "'ve"]

  static func split(_ text: String) -> [String] {
    var words: [String] = []
    for piece in text.split(whereSeparator: \.isWhitespace) {
      var word = ""
      let characters = Array(piece)
      for (index, character) in characters.enumerated() {
        // A comma or colon between digits belongs to the number.
        let isInNumber =
          [",", ":"].contains(character) && index > 0 && index + 1 < characters.count
          && characters[index - 1].isNumber && characters[index + 1].isNumber
        if marks.contains(character), !isInNumber {
          add(word, to: &words)
          words.append(String(character))
          word = ""
        } else {
          word.append(character)
        }
      }
      add(word, to: &words)
    }
    return words
  }

  private static func add(_ word: String, to words: inout [String]) {
    guard !word.isEmpty else { return }
    if word.hasSuffix("."), word.count > 1 {
      let stem = word.dropLast()
      let isAbbreviation =
        stem.contains(".") && !stem.hasSuffix(".") || stem.count == 1 && stem.first!.isUppercase
      guard isAbbreviation else {
        let end = word.reversed().prefix { $0 == "." }.count
        if word.count > end { add(String(word.dropLast(end)), to: &words) }
        words.append(String(repeating: ".", count: end))
        return
      }
    }
    if let ending = endings.first(where: { word.lowercased().hasSuffix($0) }), word.count > ending.count {
      words.append(String(word.dropLast(ending.count)))
      words.append(String(word.suffix(ending.count)))
    } else {
      words.append(word)
    }
  }
}
