/// How two texts differ that look alike, or nearly so.
public enum SpellingDifference: String, Equatable, Sendable {
  /// One is composed, the other decomposed (Unicode's normal forms).
  case unicodeForm
  /// One has a no-break or another space, or another apostrophe or dash, where the other has the plain one.
  case space
  /// Capitals and small letters.
  case letterCase

  /// Finds a text in another, spelled otherwise.
  ///
  /// - Returns: as it stands there, and the largest difference.
  static func find(_ text: String, in whole: String) -> (found: String, difference: SpellingDifference)? {
    let (wanted, all) = (Array(text), Array(whole))
    guard !wanted.isEmpty, wanted.count <= all.count else { return nil }
    for difference in [unicodeForm, space, letterCase] {
      for start in 0...all.count - wanted.count {
        let part = all[start..<start + wanted.count]
        if zip(part, wanted).allSatisfy({ difference.folds($0, $1) }) { return (String(part), difference) }
      }
    }
    return nil
  }

  /// Whether two characters are the same but for this difference and the smaller ones. Canonically equivalent characters are equal.
  private func folds(_ first: Character, _ second: Character) -> Bool {
    switch self {
    case .unicodeForm: first == second
    case .space: Self.plain(first) == Self.plain(second)
    case .letterCase: Self.plain(first).lowercased() == Self.plain(second).lowercased()
    }
  }

  private static func plain(_ character: Character) -> Character {
    if character.isWhitespace { return " " }
    switch character {
    case "’", "‘", "ʼ": return "'"
    case "‐", "‑", "–", "−": return "-"
    default: return character
    }
  }
}
