extension JSONReader {
  /// The error of a character that does not belong where the cursor stands.
  ///
  /// - Parameters:
  ///   - expected: in words.
  ///   - afterValue: whether a value has just ended, so that a comma is missed where another begins.
  func unexpected(_ expected: String, afterValue: Bool = false) -> JSONError {
    guard let found = scalar else { return error(.unexpectedEnd) }
    return error(.unexpected(found, expected: expected, slip: slip(found, expected, afterValue)))
  }

  private func slip(_ found: UnicodeScalar, _ expected: String, _ afterValue: Bool) -> JSONError.Slip? {
    switch found {
    case "]", "}": return lastBeforeSpace == UInt8(ascii: ",") ? .commaBeforeBracket : nil
    case "'", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}", "`": return .quotationMark
    case "#": return .comment
    case "/": return isNext("//") || isNext("/*") ? .comment : nil
    case "\u{FEFF}": return .byteOrderMark
    default: break
    }
    if ["NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"].contains(where: isNext) { return .notANumber }
    if ["True", "False", "None"].contains(where: isNext) { return .pythonWord }
    let begins = "\"{[-0123456789tfn".unicodeScalars.contains(found)
    if afterValue { return begins ? .missingComma : nil }
    return expected == Self.key && (found.properties.isAlphabetic || found == "_" || found == "$")
      ? .bareKey : nil
  }

  static let key = "a key in quotation marks"
}
