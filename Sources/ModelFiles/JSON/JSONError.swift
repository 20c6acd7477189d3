/// Where and why a text is not the JSON that was expected.
public struct JSONError: Error, Equatable, Sendable {
  /// What was found at the place.
  public enum Problem: Equatable, Sendable {
    /// The text ends inside a value.
    case unexpectedEnd
    /// Another character was expected here.
    case unexpected(UnicodeScalar, expected: String, slip: Slip?)
    /// A string escape that JSON does not have, or half a surrogate pair.
    case badEscape
    /// A control character inside a string.
    case controlCharacter(UInt8)
    /// The number is malformed or out of range.
    case badNumber
    /// The same key twice in one object.
    case duplicateKey(String)
    /// Nested deeper than the limit.
    case tooDeep(limit: Int)
    /// More values than the limit.
    case tooManyValues(limit: Int)
    /// Something follows the value, beginning with this character.
    case trailingBytes(UnicodeScalar)
  }

  /// What is written by hand or by programs in place of JSON.
  public enum Slip: Equatable, Sendable {
    /// `[1, 2,]`
    case commaBeforeBracket
    /// `NaN`, `Infinity`: Python's `json` writes them.
    case notANumber
    /// `'a'`, or quotation marks of a word processor.
    case quotationMark
    /// `// so` or `# so`
    case comment
    /// `[1 2]`
    case missingComma
    /// `{a: 1}`
    case bareKey
    /// `True`, `None`: a Python value printed.
    case pythonWord
    /// A byte-order mark where a value was expected.
    case byteOrderMark
  }

  /// What was found.
  public let problem: Problem
  /// The first bad byte.
  public let place: TextPlace
  /// Position of the first bad byte in the text.
  public var byteOffset: Int { place.byteOffset }
}
