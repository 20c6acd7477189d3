/// A cursor over UTF-8 JSON (RFC 8259) that hands out one value at a time.
///
/// Headers come from strangers: the cursor builds no tree and keeps only the keys of the objects it is inside, which may
/// not repeat; and each error knows its byte. The caller has checked that the bytes are UTF-8.
public struct JSONReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var depth = 0
  static let depthLimit = 64

  /// Starts at the first byte.
  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Where the cursor stands, from the first byte.
  public var byteOffset: Int { position - bytes.startIndex }

  /// An error at the cursor, or at an earlier byte.
  func error(_ problem: JSONError.Problem, at offset: Int? = nil) -> JSONError {
    JSONError(problem: problem, place: TextPlace(offset ?? byteOffset, in: bytes))
  }

  /// The character at the cursor; `nil` at the end.
  var scalar: UnicodeScalar? {
    String(decoding: bytes[position...].prefix(4), as: UTF8.self).unicodeScalars.first
  }

  /// Whether the text goes on with these characters.
  func isNext(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  /// The last byte before the cursor that is not white space.
  var lastBeforeSpace: UInt8? { bytes[..<position].last { !JSONReader.isSpace($0) } }

  /// Moves past white space; whether nothing is left behind it.
  public mutating func isAtEnd() -> Bool {
    while position < bytes.endIndex, JSONReader.isSpace(bytes[position]) { position += 1 }
    return position == bytes.endIndex
  }

  /// The first byte of the next value, without moving past it.
  public mutating func peek() throws(JSONError) -> UInt8 {
    if isAtEnd() { throw error(.unexpectedEnd) }
    return bytes[position]
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  private mutating func expect(
    _ byte: UInt8, _ words: String? = nil, afterValue: Bool = false
  ) throws(JSONError) {
    guard try peek() == byte else {
      throw unexpected(words ?? "'\(Character(UnicodeScalar(byte)))'", afterValue: afterValue)
    }
    position += 1
  }

  /// Demands that only white space is left.
  public mutating func finish() throws(JSONError) {
    guard !isAtEnd(), let scalar else { return }
    throw error(.trailingBytes(scalar))
  }

  /// Reads an object, calling `body` with each key and the key's offset; `body` must read that key's value.
  ///
  /// - Parameter asNames: whether canonically equivalent keys count as the same, as they do in a dictionary of strings.
  public mutating func object(
    asNames: Bool = false,
    _ body: (inout JSONReader, _ key: String, _ keyOffset: Int) throws(JSONError) -> Void
  ) throws(JSONError) {
    var seen: Set<[UInt8]> = []
    var names: Set<String> = []
    try expect(UInt8(ascii: "{"))
    try enter()
    if try peek() != UInt8(ascii: "}") {
      while true {
        _ = try peek()
        let keyOffset = byteOffset
        guard try peek() == UInt8(ascii: "\"") else { throw unexpected(Self.key) }
        let key = try string()
        let isNew = asNames ? names.insert(key).inserted : seen.insert(Array(key.utf8)).inserted
        guard isNew else { throw error(.duplicateKey(key), at: keyOffset) }
        try expect(UInt8(ascii: ":"))
        try body(&self, key, keyOffset)
        if try peek() != UInt8(ascii: ",") { break }
        position += 1
      }
    }
    try expect(UInt8(ascii: "}"), "',' or '}'", afterValue: true)
    depth -= 1
  }

  /// Reads an array, calling `body` for each element; `body` must read it.
  public mutating func array(_ body: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
    try expect(UInt8(ascii: "["))
    try enter()
    if try peek() != UInt8(ascii: "]") {
      while true {
        try body(&self)
        if try peek() != UInt8(ascii: ",") { break }
        position += 1
      }
    }
    try expect(UInt8(ascii: "]"), "',' or ']'", afterValue: true)
    depth -= 1
  }

  private mutating func enter() throws(JSONError) {
    depth += 1
    guard depth <= Self.depthLimit else { throw error(.tooDeep(limit: Self.depthLimit)) }
  }

  /// Reads a string.
  public mutating func string() throws(JSONError) -> String {
    try expect(UInt8(ascii: "\""))
    var text: [UInt8] = []
    while true {
      guard position < bytes.endIndex else { throw error(.unexpectedEnd) }
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        text.append(contentsOf: try escape())
      case 0..<0x20:
        throw error(.controlCharacter(byte))
      default:
        text.append(byte)
        position += 1
      }
    }
  }

  /// Reads one escape, both halves of a surrogate pair at once.
  private mutating func escape() throws(JSONError) -> [UInt8] {
    guard position + 1 < bytes.endIndex else { throw error(.unexpectedEnd) }
    let start = byteOffset
    let letter = bytes[position + 1]
    position += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        guard position + 1 < bytes.endIndex, bytes[position] == UInt8(ascii: "\\"),
          bytes[position + 1] == UInt8(ascii: "u")
        else { throw error(.badEscape, at: start) }
        position += 2
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw error(.badEscape, at: start) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = UnicodeScalar(code) else { throw error(.badEscape, at: start) }
      return Array(String(Character(scalar)).utf8)
    default: throw error(.badEscape, at: start)
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.endIndex else { throw error(.unexpectedEnd) }
      guard let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue else {
        throw error(.badEscape)
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// Reads a number as it is written.
  func numberText() -> ArraySlice<UInt8> {
    var end = position
    while end < bytes.endIndex, "+-.0123456789eE".utf8.contains(bytes[end]) { end += 1 }
    return bytes[position..<end]
  }

  /// Reads a whole number that is not negative, written without fraction or exponent.
  public mutating func count() throws(JSONError) -> Int {
    _ = try peek()
    let text = numberText()
    guard !text.isEmpty, text.count == 1 || text.first != UInt8(ascii: "0"),
      text.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(String(decoding: text, as: UTF8.self))
    else { throw error(.badNumber) }
    position += text.count
    return value
  }

  /// Reads any number.
  public mutating func number() throws(JSONError) -> Double {
    _ = try peek()
    let text = numberText()
    guard JSONReader.isNumber(text), let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite
    else {
      // Half of a word that Python's `json` writes, not half of a number.
      if isNext("-Infinity") || isNext("-inf") { throw unexpected("a value") }
      throw error(.badNumber)
    }
    position += text.count
    return value
  }

  /// The grammar of RFC 8259, section 6; `Double` alone would accept "+1", "1." and "0x1p3".
  private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    func digits() -> Int {
      let run = rest.prefix { (0x30...0x39).contains($0) }
      rest = rest.dropFirst(run.count)
      return run.count
    }
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let leadingZero = rest.first == UInt8(ascii: "0")
    let whole = digits()
    guard whole > 0, !leadingZero || whole == 1 else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard digits() > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  /// Reads `true`, `false` or `null`; `nil` stands for `null`.
  mutating func literal() throws(JSONError) -> Bool? {
    _ = try peek()
    for (word, value) in [("true", true), ("false", false), ("null", nil)] as [(String, Bool?)]
    where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw unexpected("a value")
  }

  /// Moves past one value of any kind.
  public mutating func skip() throws(JSONError) {
    switch try peek() {
    case UInt8(ascii: "{"): try object { reader, _, _ throws(JSONError) in try reader.skip() }
    case UInt8(ascii: "["): try array { reader throws(JSONError) in try reader.skip() }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "-"), 0x30...0x39: _ = try number()
    default: _ = try literal()
    }
  }
}
