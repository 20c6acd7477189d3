/// A JSON value as a tree; objects keep the order of their keys, so that the same value gives the same bytes.
public enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One key of an object with its value.
  public struct Member: Equatable, Sendable {
    /// The key.
    public let key: String
    /// Its value.
    public var value: JSONValue

    /// Joins a key and a value.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// Trees above this size are refused: a value takes a hundred times the memory of its shortest text.
  static let valueLimit = 4_000_000

  /// Reads a whole text.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    var reader = JSONReader(bytes[...])
    var budget = Self.valueLimit
    self = try Self.parse(&reader, &budget)
    try reader.finish()
  }

  /// Reads one value at a cursor.
  public init(parsing reader: inout JSONReader) throws(JSONError) {
    var budget = Self.valueLimit
    self = try Self.parse(&reader, &budget)
  }

  private static func parse(_ reader: inout JSONReader, _ budget: inout Int) throws(JSONError) -> JSONValue {
    budget -= 1
    guard budget >= 0 else { throw reader.error(.tooManyValues(limit: valueLimit)) }
    switch try reader.peek() {
    case UInt8(ascii: "{"):
      var members: [Member] = []
      try reader.object { reader, key, _ throws(JSONError) in
        members.append(Member(key, try parse(&reader, &budget)))
      }
      return .object(members)
    case UInt8(ascii: "["):
      var values: [JSONValue] = []
      try reader.array { reader throws(JSONError) in values.append(try parse(&reader, &budget)) }
      return .array(values)
    case UInt8(ascii: "\""): return .string(try reader.string())
    case UInt8(ascii: "-"), 0x30...0x39:
      let text = reader.numberText()
      let value = try reader.number()
      if text.allSatisfy({ $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }),
        let whole = Int(String(decoding: text, as: UTF8.self))
      {
        return .integer(whole)
      }
      return .number(value)
    default:
      guard let value = try reader.literal() else { return .null }
      return .bool(value)
    }
  }

  /// The value of a key, if this is an object that has it.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The text, if this is a string.
  public var text: String? { if case .string(let text) = self { text } else { nil } }
  /// The whole number, if this is one.
  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  /// The number, whole or not, if this is one.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
  /// The elements, if this is an array.
  public var elements: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
  /// The members, if this is an object.
  public var members: [Member]? { if case .object(let members) = self { members } else { nil } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object, keys in the order written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
}
