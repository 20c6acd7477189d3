/// The words of one sentence as NLTK's `NLTKWordTokenizer` finds them: the Penn treebank's conventions, with quotes made `` and ''.
///
///     “He said, "I can't pay $5.00."”   →   “ He said , `` I ca n't pay $ 5.00 . '' ”
///
/// The rules run one after the other over the whole text; their order is part of what they mean. NLTK takes the last full stop a second
/// time, with fewer closing marks around it: that never finds anything which the first time left, so it is not here.
///
/// - Source: the behavior of NLTK 3.10, `nltk/tokenize/destructive.py`, held against it text by text (`Fixtures/make/texts.py`).
enum TreebankRules {
  static func words(_ sentence: String) -> [String] {
    var text = rules.reduce(Array(sentence.unicodeScalars)) { $1.apply(to: $0) }
    text = Array(text.split(whereSeparator: \.isSpace).joined(separator: [" "]))
    // The endings' rules want a space behind each word.
    text = endings.reduce([" "] + text + [" "]) { $1.apply(to: $0) }
    return text.split(whereSeparator: \.isSpace).map { piece in
      var word = String.UnicodeScalarView()
      word.append(contentsOf: piece)
      return String(word)
    }
  }

  private static let rules: [WordRule] = [
    // Quotes that open.
    .apart("«“‘„"), .runApart("`", from: 1), firstQuote, .pairApart("`"), openingQuote, openingApostrophe,
    // Punctuation.
    lastStop, commaOrColon, lastCommaOrColon, .runApart(".", from: 2), .apart(";@#$%&"), .apart("‒–—―"),
    .apart("?!"), apostropheBeforeSpace, .apart("*"), .apart("[](){}<>"), .pairApart("-"),
    // Quotes that close.
    .apart("»”’"), .pairApart("'"), straightQuote,
  ]

  private static let endings: [WordRule] = [
    .ending(["'s", "'S", "'m", "'M", "'d", "'D", "'"]),
    .ending(["'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"]),
    .contraction("can", "not"), .contraction("d", "'ye"), .contraction("gim", "me"),
    .contraction("gon", "na"), .contraction("got", "ta"), .contraction("lem", "me"),
    .contraction("more", "'n"), .contraction("wan", "na", .beforeSpace),
    .contraction(" 't", "is"), .contraction(" 't", "was"),
  ]

  /// A straight quote at the very beginning opens.
  private static let firstQuote = WordRule { text, place in
    place == 0 && text[0] == "\"" ? .init(length: 1, text: ["`", "`"]) : nil
  }

  /// So does one, or two apostrophes, behind a space or an opening bracket.
  private static let openingQuote = WordRule { text, place in
    guard " ([{<".unicodeScalars.contains(text[place]) else { return nil }
    let isQuote = text.at(place + 1) == "\""
    guard isQuote || text.at(place + 1) == "'" && text.at(place + 2) == "'" else { return nil }
    return .init(length: isQuote ? 2 : 3, text: [text[place], " ", "`", "`", " "])
  }

  /// So does an apostrophe before a word, unless the word is an ending by itself, as in "'s". NLTK asks another library here what a
  /// word is made of than for contractions.
  private static let openingApostrophe = WordRule { text, place in
    guard text[place] == "'", text.at(place - 1)?.isWordPartOrMark != true,
      text.at(place + 1)?.isWordPartOrMark == true,
      !["re", "ve", "ll", "m", "t", "s", "d", "n"].contains(where: {
        let ending = Array($0.unicodeScalars)
        return text.hasCaseless(ending, at: place + 1)
          && text.isBoundary(place + 1 + ending.count, \.isWordPartOrMark)
      })
    else { return nil }
    return .init(length: 1, text: ["'", " "])
  }

  /// A full stop behind which only closing marks come ends the sentence; others belong to their words.
  private static let lastStop = WordRule { text, place in
    guard text[place] != ".", text.at(place + 1) == "." else { return nil }
    let rest = text[(place + 2)...]
    let closing = rest.prefix { "])}>\"'»”’ ".unicodeScalars.contains($0) }
    guard rest.dropFirst(closing.count).allSatisfy(\.isSpace) else { return nil }
    return .init(length: text.count - place, text: [text[place], " ", ".", " "] + closing + [" "])
  }

  /// A comma or colon is a word unless a digit follows.
  private static let commaOrColon = WordRule { text, place in
    guard text[place] == "," || text[place] == ":", let next = text.at(place + 1), !next.isDigit else {
      return nil
    }
    return .init(length: 2, text: [" ", text[place], " ", next])
  }

  /// And at the end, or before a last line end.
  private static let lastCommaOrColon = WordRule { text, place in
    guard text[place] == "," || text[place] == ":",
      place == text.count - 1 || place == text.count - 2 && text[place + 1] == "\n"
    else { return nil }
    return .init(length: 1, text: [" ", text[place], " "])
  }

  private static let apostropheBeforeSpace = WordRule { text, place in
    guard text[place] != "'", text.at(place + 1) == "'", text.at(place + 2) == " " else { return nil }
    return .init(length: 3, text: [text[place], " ", "'", " "])
  }

  /// A straight quote that is left closes.
  private static let straightQuote = WordRule { text, place in
    text[place] == "\"" ? .init(length: 1, text: [" ", "'", "'", " "]) : nil
  }
}
