internal import Floor

/// The little of RFC 4251, section 5 that keys and signatures are made of: strings behind their length in four bytes, the
/// most significant first.
struct SSHWire {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// Whether nothing follows.
  var isAtEnd: Bool { rest.isEmpty }

  /// So many bytes; `nil` where fewer are left.
  mutating func bytes(_ count: Int) -> [UInt8]? {
    guard count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// A number of 32 bits.
  mutating func number() -> UInt32? { bytes(4)?.reduce(0) { $0 << 8 | UInt32($1) } }

  /// A string, which may hold any bytes.
  mutating func string() -> [UInt8]? { number().flatMap { bytes(Int($0)) } }

  /// A string that is text.
  mutating func text() -> String? { string().flatMap { String(validating: $0, as: UTF8.self) } }

  /// All that is left.
  mutating func remainder() -> [UInt8] { bytes(rest.count) ?? [] }

  static func number(_ value: Int) -> [UInt8] { UInt64(value).littleEndianBytes(4).reversed() }
  static func string(_ bytes: [UInt8]) -> [UInt8] { number(bytes.count) + bytes }
  static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

  /// The bytes between two lines; `nil` where the text is not of this form, or has more than so many bytes in it.
  static func unarmored(_ text: [UInt8], _ label: String) -> [UInt8]? {
    let lines = text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    guard lines.count >= 2, lines[0].elementsEqual("-----BEGIN \(label)-----".utf8),
      lines[lines.count - 1].elementsEqual("-----END \(label)-----".utf8)
    else { return nil }
    return Base64.bytes(lines[1..<lines.count - 1].joined())
  }

  /// Bytes between two lines, seventy digits in each, as OpenSSH writes them.
  static func armored(_ bytes: [UInt8], _ label: String) -> String {
    var digits = Base64.text(bytes)[...]
    var lines = ["-----BEGIN \(label)-----"]
    while !digits.isEmpty {
      lines.append(String(digits.prefix(70)))
      digits = digits.dropFirst(70)
    }
    return (lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
  }
}
