internal import Editing

/// One step of splitting a text into words: finds places from left to right and writes them anew.
///
/// A place that was written is passed over whole, so a rule that looks at the scalar behind a mark does not see a mark that stands
/// there: this is what makes `,,` another thing than `, ,`. Rules work on Unicode scalars, as Python's texts do.
struct WordRule: Sendable {
  typealias Text = [Unicode.Scalar]

  /// A place in a text, and what is to stand there.
  struct Replacement {
    let length: Int
    let text: Text
  }

  /// What the rule makes of a text from a place on; `nil` where nothing begins there.
  let replacement: @Sendable (_ text: Text, _ place: Int) -> Replacement?

  func apply(to text: Text) -> Text {
    var result: Text = []
    var place = 0
    while place < text.count {
      if let found = replacement(text, place) {
        result += found.text
        place += found.length
      } else {
        result.append(text[place])
        place += 1
      }
    }
    return result
  }
}

extension WordRule {
  /// Puts a space on both sides of each of these marks.
  static func apart(_ marks: String) -> WordRule {
    let marks = Set(marks.unicodeScalars)
    return WordRule { text, place in
      marks.contains(text[place]) ? Replacement(length: 1, text: [" ", text[place], " "]) : nil
    }
  }

  /// The same for each pair of a mark; the pair may become another.
  static func pairApart(_ mark: Unicode.Scalar, as other: String? = nil) -> WordRule {
    let pair = Text((other ?? String(repeating: String(mark), count: 2)).unicodeScalars)
    return WordRule { text, place in
      text[place] == mark && text.at(place + 1) == mark
        ? Replacement(length: 2, text: [" "] + pair + [" "]) : nil
    }
  }

  /// The same for runs of a mark that are long enough.
  static func runApart(_ mark: Unicode.Scalar, from count: Int) -> WordRule {
    WordRule { text, place in
      let run = text[place...].prefix { $0 == mark }
      return run.count >= count ? Replacement(length: run.count, text: [" "] + run + [" "]) : nil
    }
  }

  /// Puts a space before an ending that follows a letter or mark, itself no apostrophe, and is followed by a space.
  static func ending(_ endings: [String]) -> WordRule {
    let endings = endings.map { Text($0.unicodeScalars) + [" "] }
    return WordRule { text, place in
      guard text[place] != "'", text[place] != " ",
        let ending = endings.first(where: { text[(place + 1)...].starts(with: $0) })
      else { return nil }
      return Replacement(length: 1 + ending.count, text: [text[place], " "] + ending)
    }
  }

  /// Where a word made of two must end.
  enum End { case atBoundary, beforeSpace }

  /// Cuts a word made of two, in capitals or not: "cannot" into "can" and "not".
  static func contraction(_ first: String, _ second: String, _ end: End = .atBoundary) -> WordRule {
    let both = Text((first + second).unicodeScalars)
    return WordRule { text, place in
      // A space in front is part of the place; without one the word must begin here.
      let behind = place + both.count
      guard text.hasCaseless(both, at: place), both[0] == " " || text.isBoundary(place),
        end == .atBoundary ? text.isBoundary(behind) : text.at(behind)?.isSpace == true
      else { return nil }
      let middle = place + first.unicodeScalars.count
      return Replacement(
        length: both.count, text: [" "] + text[place..<middle] + [" "] + text[middle..<behind] + [" "])
    }
  }
}

extension [Unicode.Scalar] {
  /// The scalar at a place, if there is one.
  func at(_ place: Int) -> Unicode.Scalar? { indices.contains(place) ? self[place] : nil }

  /// Whether these ASCII letters in lower case stand at a place, in whatever case.
  func hasCaseless(_ other: [Unicode.Scalar], at place: Int) -> Bool {
    count - place >= other.count
      && zip(self[place...], other).allSatisfy { own, wanted in
        own == wanted || ("A"..."Z").contains(own) && own.value + 32 == wanted.value
      }
  }

  /// Whether just one of the two sides of a place is part of a word.
  func isBoundary(_ place: Int, _ isWordPart: (Unicode.Scalar) -> Bool = \.isWordPart) -> Bool {
    (at(place - 1).map(isWordPart) ?? false) != (at(place).map(isWordPart) ?? false)
  }
}

extension Unicode.Scalar {
  /// What `\w` takes in Python's `regex`, and in the Unicode standard's annex 18: combining marks too, of numbers only digits.
  var isWordPartOrMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: properties.isAlphabetic || properties.isJoinControl
    }
  }

  /// What Python's `\s` takes: white space, and the four separators of ASCII.
  var isSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }

  /// What Python's `\d` takes.
  var isDigit: Bool { properties.generalCategory == .decimalNumber }
}
