/// Words of a text as texts are compared by them.
package enum TextWords {
  /// Runs of at least two scalars that are letters, numbers or underscores, in lower case: `\b\w\w+\b`.
  package static func words(_ text: String) -> [String] {
    lowercased(text).split { !$0.isWordPart }.filter { $0.count > 1 }.map { piece in
      var word = String.UnicodeScalarView()
      word.append(contentsOf: piece)
      return String(word)
    }
  }

  /// As Python has it: Swift knows no other sigma for the end of a word.
  private static func lowercased(_ text: String) -> [Unicode.Scalar] {
    let scalars = Array(text.unicodeScalars)
    return scalars.indices.flatMap { place -> [Unicode.Scalar] in
      guard scalars[place] == "Σ" else {
        return Array(scalars[place].properties.lowercaseMapping.unicodeScalars)
      }
      func isCased(_ side: some Sequence<Unicode.Scalar>) -> Bool {
        side.first { !$0.properties.isCaseIgnorable }?.properties.isCased == true
      }
      let isLast = isCased(scalars[..<place].reversed()) && !isCased(scalars[(place + 1)...])
      return [isLast ? "ς" : "σ"]
    }
  }
}

extension Unicode.Scalar {
  /// What `\w` takes in Python's `re`: letters, everything with a numeric value, and the underscore; no combining marks.
  package var isWordPart: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: properties.numericType != nil || self == "_"
    }
  }
}
