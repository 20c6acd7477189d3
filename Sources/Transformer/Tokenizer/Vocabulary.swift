/// Tokens by number, and numbers by the bytes of a token.
///
/// Bytes, not `String`: two tokens that differ only in Unicode form are two tokens.
struct Vocabulary: Sendable {
  /// What each token stands for: bytes in byte-level vocabularies, UTF-8 text in others; `nil` where no token has the
  /// number.
  private(set) var tokens: [[UInt8]?] = []
  /// Open addressing: token numbers, -1 where empty; the size is a power of two.
  private var slots: [Int32]
  /// Drawn anew for each run, so that no file can be made to collide.
  private let seed = UInt64.random(in: 0...UInt64.max) | 1
  private var count = 0

  init(expecting count: Int) {
    var size = 16
    while size < count * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
  }

  /// The token of these bytes.
  func token(_ bytes: Span<UInt8>) -> Int32? {
    var slot = Int(truncatingIfNeeded: hash(bytes)) & (slots.count - 1)
    while slots[slot] >= 0 {
      if let found = tokens[Int(slots[slot])], found.span.hasSameBytes(as: bytes) { return slots[slot] }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  func token(_ bytes: [UInt8]) -> Int32? { token(bytes.span) }

  /// Gives a number its token; one that cannot be found by its bytes is only there to be decoded.
  ///
  /// - Returns: whether number and bytes were both free.
  mutating func insert(_ bytes: [UInt8], _ number: Int, findable: Bool = true) -> Bool {
    while tokens.count <= number { tokens.append(nil) }
    guard tokens[number] == nil else { return false }
    if findable {
      guard token(bytes) == nil else { return false }
      if (count + 1) * 2 > slots.count { grow() }
      place(bytes, Int32(number))
      count += 1
    }
    tokens[number] = bytes
    return true
  }

  private mutating func place(_ bytes: [UInt8], _ number: Int32) {
    var slot = Int(truncatingIfNeeded: hash(bytes.span)) & (slots.count - 1)
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = number
  }

  private mutating func grow() {
    let old = slots
    slots = [Int32](repeating: -1, count: old.count * 2)
    for number in old where number >= 0 {
      if let bytes = tokens[Int(number)] { place(bytes, number) }
    }
  }

  private func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var hash = seed
    for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* seed.mixer }
    return hash ^ hash >> 32
  }
}

extension UInt64 {
  /// An odd number with bits everywhere, made from a seed.
  fileprivate var mixer: UInt64 { (self &* 0x9E37_79B9_7F4A_7C15) | 1 }
}

extension Span<UInt8> {
  func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }
}
