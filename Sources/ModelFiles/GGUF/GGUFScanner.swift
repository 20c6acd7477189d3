internal import Floor

/// A cursor over the front of a GGUF file: takes numbers and strings, each checked against what is left before it is
/// used, and never holds more than a small window of the file.
///
/// Priorities: no number from the file is believed; memory stays constant; a vocabulary passes in milliseconds.
struct GGUFScanner {
  /// What ggml allows for one string and one array (`GGUF_MAX_STRING_LENGTH`, `GGUF_MAX_ARRAY_ELEMENTS`).
  static let lengthLimit = 1 << 30
  /// Arrays in arrays; real files have none. Each level costs a stack frame.
  static let depthLimit = 8
  private static let windowByteCount = 1 << 17

  /// The key whose value is read, and the tensor, so that an error can name them.
  var key: String?
  var tensor: String?

  private let file: OpenFile?
  private let end: Int
  private var window: [UInt8]
  private var windowStart: Int
  private var next = 0

  /// Scans a part of a file.
  init(_ file: OpenFile, _ range: Range<Int>) {
    self.file = file
    end = range.upperBound
    window = []
    windowStart = range.lowerBound
  }

  /// Scans bytes at hand.
  init(_ bytes: [UInt8]) {
    file = nil
    end = bytes.count
    window = bytes
    windowStart = 0
  }

  /// Where the next byte lies in the file.
  var position: Int { windowStart + next }
  /// Bytes that are left.
  var rest: Int { end - position }

  /// An error at a place, which is the cursor's unless said.
  func error(_ reason: ModelFileError.Reason, at offset: Int? = nil) -> ModelFileError {
    ModelFileError(reason, file: file?.path ?? "", tensor: tensor, key: key, byteOffset: offset ?? position)
  }

  /// Makes this many bytes lie in the window from `next` on; at most a window's length.
  private mutating func fill(_ count: Int) throws(ModelFileError) {
    guard count > window.count - next else { return }
    guard count <= rest, let file else { throw error(.headerCut(expected: count, found: rest)) }
    let start = position
    window = try file.read(min(max(Self.windowByteCount, count), end - start), at: start)
    (windowStart, next) = (start, 0)
  }

  /// The next number.
  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _: Number.Type = Number.self
  ) throws(ModelFileError) -> Number {
    let size = MemoryLayout<Number>.size
    try fill(size)
    defer { next += size }
    // SAFETY: `fill` made sure that the window holds this many bytes from `next` on.
    return window.withUnsafeBytes {
      Number(littleEndian: $0.loadUnaligned(fromByteOffset: next, as: Number.self))
    }
  }

  /// The next bytes, at most a window's length.
  mutating func bytes(_ count: Int) throws(ModelFileError) -> [UInt8] {
    try fill(count)
    defer { next += count }
    return Array(window[next..<next + count])
  }

  /// Passes over bytes, which must be there.
  mutating func skip(_ count: Int) throws(ModelFileError) {
    guard count <= rest else { throw error(.headerCut(expected: count, found: rest)) }
    guard count > window.count - next else {
      next += count
      return
    }
    (windowStart, next) = (position + count, 0)
    window = []
  }

  /// The length before a string, checked against what is left.
  private mutating func length(limit: Int) throws(ModelFileError) -> Int {
    let start = position
    let length = try number(UInt64.self)
    let bound = min(limit, rest)
    guard length <= UInt64(bound) else {
      throw error(.stringTooLong(length: length, limit: bound), at: start)
    }
    return Int(length)
  }

  /// A key or a tensor's name, which must be UTF-8: an altered name would be another one.
  mutating func name(limit: Int) throws(ModelFileError) -> String {
    let count = try length(limit: limit)
    let start = position
    let utf8 = try bytes(count)
    if let invalid = utf8.firstInvalidUTF8 { throw error(.headerEncoding, at: start + invalid) }
    return String(decoding: utf8, as: UTF8.self)
  }

  /// The type of a value.
  mutating func valueType() throws(ModelFileError) -> GGUFValueType {
    let start = position
    let code = try number(UInt32.self)
    guard let type = GGUFValueType(rawValue: code) else { throw error(.unknownValueType(code), at: start) }
    return type
  }

  /// A value of this type: short ones with their bytes, long ones by their place.
  mutating func value(of type: GGUFValueType) throws(ModelFileError) -> GGUFValue {
    let start = position
    var elementType: GGUFValueType?
    var count = 0
    if type == .array {
      (elementType, count) = try arrayHead()
      try skipElements(of: elementType ?? .uint8, count, depth: 1)
    } else {
      try skipValue(of: type, depth: 0)
    }
    return GGUFValue(
      type: type, elementType: elementType, count: count, content: try content(start..<position))
  }

  /// Element type and count of an array; the count is one that the rest of the file can hold.
  private mutating func arrayHead() throws(ModelFileError) -> (GGUFValueType, Int) {
    let type = try valueType()
    let start = position
    let count = try number(UInt64.self)
    let bound = min(Self.lengthLimit, rest / type.leastByteCount)
    guard count <= UInt64(bound) else { throw error(.arrayTooLong(count: count, limit: bound), at: start) }
    return (type, Int(count))
  }

  private mutating func skipElements(
    of type: GGUFValueType, _ count: Int, depth: Int
  ) throws(ModelFileError) {
    // Fits: the count was bounded by the bytes that are left.
    if let size = type.fixedByteCount { return try skip(size * count) }
    for _ in 0..<count { try skipValue(of: type, depth: depth) }
  }

  private mutating func skipValue(of type: GGUFValueType, depth: Int) throws(ModelFileError) {
    switch type {
    case .string: try skip(length(limit: Self.lengthLimit))
    case .array:
      guard depth < Self.depthLimit else { throw error(.nestedTooDeep(limit: Self.depthLimit)) }
      let (elementType, count) = try arrayHead()
      try skipElements(of: elementType, count, depth: depth + 1)
    default: try skip(type.leastByteCount)
    }
  }

  /// Bytes that were just passed over.
  private func content(_ range: Range<Int>) throws(ModelFileError) -> GGUFValue.Content {
    if range.lowerBound >= windowStart, range.count <= GGUFValue.memoryLimit || file == nil {
      return .memory(Array(window[range.lowerBound - windowStart..<range.upperBound - windowStart]))
    }
    guard let file else { preconditionFailure("bytes at hand are all in the window") }
    return range.count <= GGUFValue.memoryLimit
      ? .memory(try file.read(range.count, at: range.lowerBound)) : .file(file, range)
  }
}
