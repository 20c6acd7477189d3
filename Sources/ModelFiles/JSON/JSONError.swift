/// Where and why a text is not the JSON that was expected.
public struct JSONError: Error, Equatable, Sendable {
  /// What was found at the offset.
  public enum Problem: Equatable, Sendable {
    /// The text ends inside a value.
    case unexpectedEnd
    /// Another byte was expected here.
    case unexpected(byte: UInt8, expected: String)
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
    /// Bytes after the value.
    case trailingBytes
  }

  /// What was found.
  public let problem: Problem
  /// Position of the first bad byte in the text.
  public let byteOffset: Int
}
