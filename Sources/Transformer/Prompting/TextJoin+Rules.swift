extension TextJoin {
  /// One space where text of this kind has one between words, else nothing.
  ///
  /// Looked at are the characters on both sides, for scripts without spaces also which script the prompt is mostly in, and for quotation
  /// marks whether one is open. What is left open by all of that is two words with a space between.
  public init(between prompt: String, and continuation: String) {
    let before = Array(prompt.unicodeScalars)
    let after = Array(continuation.unicodeScalars)
    self = Seam(before: before, after: after).hasSpace ? .space : .none
  }
}

/// The place where two texts meet.
private struct Seam {
  let before: [Unicode.Scalar]
  let after: [Unicode.Scalar]

  /// Whether text that was written in one piece would have a space here.
  var hasSpace: Bool {
    guard let last = before.last, let first = after.first else { return false }
    if last.properties.isWhitespace || first.properties.isWhitespace || first.isMark { return false }
    if let decided = WritingSystem.hasSpace(between: last, and: first, in: before) { return decided }
    return !opens(last) && !closes(first)
  }

  /// What stands before the prompt's last character.
  private var beforeLast: Unicode.Scalar? { before.dropLast().last }
  /// Whether the prompt's last character stands by itself, as the dash of a list or a comparison's sign does.
  private var lastIsApart: Bool { beforeLast?.properties.isWhitespace ?? true }
  /// Whether the prompt's last character hangs on a word.
  private var lastIsAttached: Bool { beforeLast?.isWordPart ?? false }

  // MARK: The prompt's end

  /// Whether the prompt ends with something that text follows without a space.
  private func opens(_ last: Unicode.Scalar) -> Bool {
    switch last {
    case "¿", "¡", "\\": return true
    case "\"", "`": return isOpen(last)
    case "“", "‘": return !isClosingLowQuote(last)
    case "«", "‹", "»", "›": return isOpenAngle(last)
    case "'", "’": return last == "'" && isOpeningApostrophe || endsInElision
    case "-", "‐", "‑", "_": return lastIsAttached
    case "/", "–", "—": return !lastIsApart
    case "=", "<", "&", "^": return !lastIsApart
    case "*": return isOpeningRun(of: "*")
    case "@", "#", "$", "€", "£", "¥", "~": return !lastIsAttached
    case ":": return beforeLast == ":"
    case ">": return endsWithTag
    default: return [.openPunctuation, .initialPunctuation].contains(last.properties.generalCategory)
    }
  }

  /// A quotation mark that looks the same on both sides opens with every other one.
  private func isOpen(_ mark: Unicode.Scalar) -> Bool { before.count { $0 == mark } % 2 == 1 }

  /// “ opens in English and closes „ in German.
  private func isClosingLowQuote(_ mark: Unicode.Scalar) -> Bool {
    let low: Unicode.Scalar = mark == "“" ? "„" : "‚"
    return before.count { $0 == low } > before.dropLast().count { $0 == mark }
  }

  /// « opens and » closes, or, where » comes first, the other way round.
  private func isOpenAngle(_ mark: Unicode.Scalar) -> Bool {
    let pair: [Unicode.Scalar] = mark == "«" || mark == "»" ? ["«", "»"] : ["‹", "›"]
    return mark == before.first { pair.contains($0) }
  }

  private var isOpeningApostrophe: Bool {
    lastIsApart || beforeLast.map { $0.properties.generalCategory == .openPunctuation || $0 == "\"" } ?? true
  }

  /// Words that lose a vowel to the next one, in French and Italian.
  private static let elisions: Set<String> = [
    "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "un", "dell", "all",
    "nell", "sull", "dall", "quell", "bell", "sant",
  ]

  private var endsInElision: Bool {
    let word = before.dropLast().reversed().prefix { $0.properties.isAlphabetic }.reversed()
    return Self.elisions.contains(String(String.UnicodeScalarView(word)).lowercased())
  }

  /// A run of asterisks with nothing before it begins emphasis.
  private func isOpeningRun(of mark: Unicode.Scalar) -> Bool {
    let rest = before.reversed().drop { $0 == mark }
    return rest.first?.properties.isWhitespace ?? true
  }

  /// `<b>`, `</s>`, `<|im_end|>`, `<｜Assistant｜>`: a bracket with a name behind it that is closed here.
  private var endsWithTag: Bool {
    guard let open = before.lastIndex(of: "<"), !before[open..<before.count - 1].contains(">") else {
      return false
    }
    let name = before[open + 1]
    return name.properties.isAlphabetic || ["/", "|", "｜", "!"].contains(name)
  }

  // MARK: The target's beginning

  /// Whether the continuation begins with something that follows text without a space.
  private func closes(_ first: Unicode.Scalar) -> Bool {
    let second = after.dropFirst().first
    switch first {
    case ",", ";", "!", "?", "…", "_", "%", "‰", "°", "′", "″", "²", "³":
      return !(second.map { $0.isWordPart } ?? false) || first == "_" || first == "°"
    case ":": return !(second.map { [")", "(", "-"].contains($0) } ?? false)
    case ".": return !(second.map { $0.isNumber || $0.properties.isUppercase } ?? false)
    case "-", "‐", "‑": return second.map { $0.properties.isAlphabetic } ?? false
    case "–", "—": return second.map { !$0.properties.isWhitespace } ?? false
    case "'", "’": return beginsWithClitic || first == "’" && hasUnclosed("‘", "’")
    case "\"", "`": return isOpen(first)
    case "”": return hasUnclosed("“", "”") || hasUnclosed("„", "”")
    case "“": return hasUnclosed("„", "“")
    case "«", "‹", "»", "›": return closesAngle(first)
    case "n": return beginsWithNegation
    default: return [.closePunctuation, .finalPunctuation].contains(first.properties.generalCategory)
    }
  }

  private func hasUnclosed(_ open: Unicode.Scalar, _ close: Unicode.Scalar) -> Bool {
    before.count { $0 == open } > before.count { $0 == close }
  }

  private func closesAngle(_ mark: Unicode.Scalar) -> Bool {
    let pair: [Unicode.Scalar] = mark == "«" || mark == "»" ? ["«", "»"] : ["‹", "›"]
    guard let opening = before.first(where: { pair.contains($0) }), opening != mark else { return false }
    return hasUnclosed(opening, mark)
  }

  private var firstWord: String {
    String(String.UnicodeScalarView(after.dropFirst().prefix { $0.properties.isAlphabetic })).lowercased()
  }

  /// 's, 're, 'll and their kin.
  private var beginsWithClitic: Bool { ["s", "t", "re", "ve", "ll", "d", "m"].contains(firstWord) }
  private var beginsWithNegation: Bool {
    after.count > 2 && ["'", "’"].contains(after[1]) && after[2] == "t"
  }
}

extension Unicode.Scalar {
  fileprivate var isMark: Bool {
    [.nonspacingMark, .spacingMark, .enclosingMark].contains(properties.generalCategory)
  }
  fileprivate var isNumber: Bool { properties.numericType != nil }
  /// A letter, a mark or a number.
  fileprivate var isWordPart: Bool { properties.isAlphabetic || isMark || isNumber }
}
