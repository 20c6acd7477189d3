import Editing

extension FactNotice {
  /// Notices of one kind that are said one by one before the rest is counted.
  private static let limit = 3

  /// What is worth knowing, in sentences: kind by kind, the first few facts of each.
  static func words(_ notices: [FactNotice]) -> [String] {
    let kinds: [(FactNotice) -> Bool] = [
      { if case .subjectIsFirst = $0 { true } else { false } },
      { if case .subjectInsideWord = $0 { true } else { false } },
      { if case .beyondTraining = $0 { true } else { false } },
    ]
    return kinds.flatMap { isKind in
      let own = notices.filter(isKind)
      var lines = own.prefix(limit).map(\.words)
      if own.count > limit { lines[limit - 1] += " So it is with \(own.count - limit) more." }
      return lines
    }
  }

  private var words: String {
    switch self {
    case .subjectIsFirst(let fact, let subject):
      "fact \(Quote.plain(fact)): the subject \(Quote.text(subject)) is the first token of the text, and this model puts no begin-of-text token before "
        + "it: its key is that of every first token, and other texts that begin with one token would change with it. Put a word before it."
    case .subjectInsideWord(let fact, let subject, let word):
      "fact \(Quote.plain(fact)): the subject \(Quote.text(subject)) is part of the word \(Quote.text(word)); other words with the same tokens may change with it."
    case .beyondTraining(let fact, let tokens, let positions):
      "fact \(Quote.plain(fact)): its text has \(tokens) tokens, the model was trained for \(positions) positions; what it says beyond them means little."
    }
  }
}
