import ModelFiles

/// Places in texts, and what is wrong with JSON.
extension ErrorReport {
  /// A place as an editor finds it, and its byte for those who look at bytes.
  static func place(_ file: String, _ place: TextPlace, _ of: String = "") -> String {
    "\(file), line \(place.line), column \(place.column) (byte \(place.byteOffset)\(of))"
  }

  static func json(_ problem: JSONError.Problem) -> String {
    switch problem {
    case .unexpectedEnd: "it ends inside a value"
    case .unexpected(let found, let expected, let slip):
      slip.map { words($0, found) } ?? "\(Quote.character(found)) where \(expected) was expected"
    case .badEscape: "a string escape that JSON does not have"
    case .controlCharacter(let byte):
      "\(Quote.character(UnicodeScalar(byte))) inside a string; JSON writes it as an escape"
    case .badNumber: "a number that is malformed or out of range"
    case .duplicateKey(let key): "the key \(Quote.text(key)) twice in one object"
    case .tooDeep(let limit): "nested deeper than \(limit)"
    case .tooManyValues(let limit): "more than \(limit) values"
    case .trailingBytes(let found):
      "{[\"".unicodeScalars.contains(found)
        ? "another value begins after the first, which is the whole of a JSON file"
        : "\(Quote.character(found)) after the end of the value"
    }
  }

  private static func words(_ slip: JSONError.Slip, _ found: UnicodeScalar) -> String {
    switch slip {
    case .commaBeforeBracket: "the comma before this \(Quote.character(found)) is one too many"
    case .notANumber: "NaN and Infinity are no JSON; write null, or leave the value out"
    case .quotationMark: "\(Quote.character(found)) where JSON has a quotation mark (\")"
    case .comment: "a comment; JSON has none"
    case .missingComma: "a comma is missing before this \(Quote.character(found))"
    case .bareKey: "a key without quotation marks"
    case .pythonWord: "a Python word; JSON writes true, false and null"
    case .byteOrderMark: "a byte-order mark inside the text"
    }
  }
}
