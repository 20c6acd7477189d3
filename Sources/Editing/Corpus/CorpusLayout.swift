internal import ModelFiles

/// How documents stand in a file of a corpus.
enum CorpusLayout {
  case lines
  case paragraphs
  /// Objects one after another.
  case objects
  /// One JSON array.
  case array

  var isJSON: Bool { self == .objects || self == .array }

  /// Told by the first bytes of the text.
  init(of window: ArraySlice<UInt8>) {
    switch window.first(where: { !$0.isBlank }) {
    case UInt8(ascii: "{"): self = .objects
    case UInt8(ascii: "[") where CorpusLayout.beginsArray(window): self = .array
    default: self = CorpusLayout.plain(window)
    }
  }

  /// Whether `[` begins an array of documents: much prose begins with one too, such as `[Music]` or `[1]`.
  private static func beginsArray(_ window: ArraySlice<UInt8>) -> Bool {
    func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> { bytes.drop(while: \.isBlank) }
    let inside = trimmed(trimmed(window).dropFirst())
    switch inside.first {
    case UInt8(ascii: "{"):
      let next = trimmed(inside.dropFirst()).first
      return next == UInt8(ascii: "\"") || next == UInt8(ascii: "}")
    case UInt8(ascii: "]"): return trimmed(inside.dropFirst()).isEmpty
    case UInt8(ascii: "\""):
      var scanner = JSONValueScanner()
      guard let end = Array(inside).withUnsafeBytes({ scanner.end(in: $0, from: 0) }) else { return true }
      let next = trimmed(inside.dropFirst(end)).first
      return next == UInt8(ascii: ",") || next == UInt8(ascii: "]")
    default: return false
    }
  }

  private static func plain(_ window: ArraySlice<UInt8>) -> CorpusLayout {
    var sawBlankAfterText = false
    var sawText = false
    for line in window.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if line.allSatisfy(\.isBlank) {
        sawBlankAfterText = sawText
      } else if sawBlankAfterText {
        return .paragraphs
      } else {
        sawText = true
      }
    }
    return .lines
  }
}

/// What stands between the elements of a JSON array that is read piece by piece.
struct CorpusElements {
  private enum Place { case before, inside, afterComma, afterElement, behind }

  private var place = Place.before

  /// Whether the array has ended.
  var isClosed: Bool { place == .behind }

  /// What is wrong with a character where the array stands.
  func problem(with byte: UInt8, _ scalar: UnicodeScalar) -> JSONError.Problem? {
    switch (place, byte) {
    case (.inside, UInt8(ascii: ",")): .unexpected(scalar, expected: "a value", slip: nil)
    case (.before, _), (.inside, _): nil
    case (.afterComma, UInt8(ascii: "]")):
      .unexpected(scalar, expected: "a value", slip: .commaBeforeBracket)
    case (.afterComma, UInt8(ascii: ",")): .unexpected(scalar, expected: "a value", slip: nil)
    case (.afterComma, _): nil
    case (.afterElement, UInt8(ascii: ",")), (.afterElement, UInt8(ascii: "]")): nil
    case (.afterElement, _):
      .unexpected(
        scalar, expected: "',' or ']'", slip: "{\"[".unicodeScalars.contains(scalar) ? .missingComma : nil)
    case (.behind, _): .trailingBytes(scalar)
    }
  }

  /// Moves past a character; whether an element begins with it.
  mutating func takes(_ byte: UInt8) -> Bool {
    switch (place, byte) {
    case (.before, _): place = .inside
    case (_, UInt8(ascii: "]")): place = .behind
    case (_, UInt8(ascii: ",")): place = .afterComma
    default:
      place = .afterElement
      return true
    }
    return false
  }
}

/// Finds the end of a JSON value in text that comes piece by piece, by brackets and quotation marks alone; its reader judges the rest.
struct JSONValueScanner {
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  private var hasBegun = false

  /// Where the value ends; `nil` where it goes on behind these bytes.
  mutating func end(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    for position in start..<bytes.count {
      let byte = bytes[position]
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
          if depth == 0 { return position + 1 }
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return position + 1 }
        if depth < 0 { return hasBegun ? position : position + 1 }
      case UInt8(ascii: ","):
        if depth == 0 { return hasBegun ? position : position + 1 }
      default:
        if depth == 0, hasBegun, byte.isBlank { return position }
      }
      hasBegun = true
    }
    return nil
  }
}

extension UInt8 {
  /// Space, and the control characters from tab to carriage return.
  var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
