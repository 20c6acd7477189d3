internal import Floor

/// The kinds of metadata values; the number is the one in the file.
public enum GGUFValueType: UInt32, CaseIterable, Sendable {
  case uint8 = 0
  case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// Bytes of a value whose length is fixed.
  var fixedByteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// Bytes that a value takes at least: a string is its length, an array its element type and its count.
  var leastByteCount: Int { fixedByteCount ?? (self == .string ? 8 : 12) }
}

/// One metadata value, kept as the bytes that stand for it in a file.
///
/// Short values are held in memory. Long ones, such as the words of a vocabulary, stay in the file and are decoded when
/// they are asked for, so that opening a model costs the same whatever its metadata holds. Copying a value copies bytes:
/// what this version does not interpret, such as text that is not UTF-8, survives.
public struct GGUFValue: Sendable {
  /// What it is.
  public let type: GGUFValueType
  /// What its elements are, if it is an array.
  public let elementType: GGUFValueType?
  /// Number of elements, if it is an array.
  public let count: Int
  let content: Content

  enum Content: Sendable {
    case memory([UInt8])
    case file(OpenFile, Range<Int>)
  }

  /// Values up to this length are held in memory.
  static let memoryLimit = 256

  init(type: GGUFValueType, elementType: GGUFValueType? = nil, count: Int = 0, content: Content) {
    self.type = type
    self.elementType = elementType
    self.count = count
    self.content = content
  }

  /// Bytes in the file, without the type before them.
  public var byteCount: Int {
    switch content {
    case .memory(let bytes): bytes.count
    case .file(_, let range): range.count
    }
  }

  /// The bytes in the file, without the type before them.
  public func bytes() throws(ModelFileError) -> [UInt8] {
    switch content {
    case .memory(let bytes): bytes
    case .file(let file, let range): try file.read(range.count, at: range.lowerBound)
    }
  }
}

// MARK: Reading

extension GGUFValue {
  /// The whole number, if this is one that fits.
  public var integer: Int? {
    switch type {
    case .uint8: Int(scalar(UInt8.self))
    case .int8: Int(scalar(Int8.self))
    case .uint16: Int(scalar(UInt16.self))
    case .int16: Int(scalar(Int16.self))
    case .uint32: Int(scalar(UInt32.self))
    case .int32: Int(scalar(Int32.self))
    case .uint64: Int(exactly: scalar(UInt64.self))
    case .int64: Int(scalar(Int64.self))
    default: nil
    }
  }

  /// The number, whole or not, if this is one; a whole number beyond 2⁵³ is rounded.
  public var number: Double? {
    switch type {
    case .float32: Double(Float(bitPattern: scalar(UInt32.self)))
    case .float64: Double(bitPattern: scalar(UInt64.self))
    case .uint64: Double(scalar(UInt64.self))
    default: integer.map(Double.init)
    }
  }

  /// The truth value, if this is one: as in ggml, any byte but zero is true.
  public var truth: Bool? { type == .bool ? scalar(UInt8.self) != 0 : nil }

  /// The text, if this is a string; bytes that are not UTF-8 become U+FFFD.
  public func text() throws(ModelFileError) -> String? {
    guard type == .string else { return nil }
    return String(decoding: try bytes().dropFirst(8), as: UTF8.self)
  }

  /// The first elements, if this is an array.
  public func elements(_ limit: Int = .max) throws(ModelFileError) -> [GGUFValue] {
    guard let elementType else { return [] }
    var scanner =
      switch content {
      case .memory(let bytes): GGUFScanner(bytes)
      case .file(let file, let range): GGUFScanner(file, range)
      }
    try scanner.skip(12)
    var elements: [GGUFValue] = []
    for _ in 0..<min(limit, count) { elements.append(try scanner.value(of: elementType)) }
    return elements
  }

  private func scalar<Number: FixedWidthInteger>(_: Number.Type) -> Number {
    guard case .memory(let bytes) = content, bytes.count == MemoryLayout<Number>.size else {
      preconditionFailure("a number is held in memory, in its size")
    }
    return Number(littleEndianBytes: bytes)
  }
}

// MARK: Making

extension GGUFValue {
  /// An unsigned number of 8 bits.
  public static func uint8(_ value: UInt8) -> GGUFValue { GGUFValue(.uint8, value) }
  /// An unsigned number of 16 bits.
  public static func uint16(_ value: UInt16) -> GGUFValue { GGUFValue(.uint16, value) }
  /// An unsigned number of 32 bits.
  public static func uint32(_ value: UInt32) -> GGUFValue { GGUFValue(.uint32, value) }
  /// A number of 32 bits.
  public static func int32(_ value: Int32) -> GGUFValue { GGUFValue(.int32, value) }
  /// An unsigned number of 64 bits.
  public static func uint64(_ value: UInt64) -> GGUFValue { GGUFValue(.uint64, value) }
  /// A number of 64 bits.
  public static func int64(_ value: Int64) -> GGUFValue { GGUFValue(.int64, value) }
  /// A floating-point number.
  public static func float32(_ value: Float) -> GGUFValue { GGUFValue(.float32, value.bitPattern) }
  /// A floating-point number of 64 bits.
  public static func float64(_ value: Double) -> GGUFValue { GGUFValue(.float64, value.bitPattern) }
  /// A truth value.
  public static func bool(_ value: Bool) -> GGUFValue { GGUFValue(.bool, UInt8(value ? 1 : 0)) }

  /// A string.
  public static func string(_ text: String) -> GGUFValue {
    let utf8 = Array(text.utf8)
    return GGUFValue(type: .string, content: .memory(UInt64(utf8.count).littleEndianBytes + utf8))
  }

  /// An array of values that are all of one type.
  public static func array(of type: GGUFValueType, _ elements: [GGUFValue]) throws(ModelFileError)
    -> GGUFValue
  {
    var bytes = type.rawValue.littleEndianBytes + UInt64(elements.count).littleEndianBytes
    for element in elements {
      precondition(element.type == type, "the elements of an array are of its type")
      bytes += try element.bytes()
    }
    return GGUFValue(type: .array, elementType: type, count: elements.count, content: .memory(bytes))
  }

  private init<Number: FixedWidthInteger>(_ type: GGUFValueType, _ number: Number) {
    self.init(type: type, content: .memory(number.littleEndianBytes))
  }
}

/// One entry of a GGUF file's metadata.
public struct GGUFField: Sendable {
  /// The key, such as `general.architecture`.
  public let key: String
  /// Its value.
  public var value: GGUFValue

  /// Joins a key and a value.
  public init(_ key: String, _ value: GGUFValue) {
    self.key = key
    self.value = value
  }
}
