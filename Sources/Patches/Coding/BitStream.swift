/// Bits one after another, each byte's low bit first. `Formats/patch.md`, *Differences*.
struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var held = 0
  private var buffer: UInt64 = 0

  /// The low bits of a value, lowest first; at most 32.
  mutating func put(_ value: Int, bits: Int) {
    buffer |= UInt64(value) << UInt64(held)
    held += bits
    while held >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: buffer))
      buffer >>= 8
      held -= 8
    }
  }

  /// A whole number from 0, small ones in few bits: Elias' gamma code of value + 1.
  ///
  /// As many zeros as value + 1 has bits after its first, a one, those bits.
  mutating func putNumber(_ value: Int) {
    let length = Int.bitWidth - 1 - (value + 1).leadingZeroBitCount
    put(1 << length, bits: length + 1)
    put((value + 1) & ((1 << length) - 1), bits: length)
  }

  /// A whole number of either sign.
  mutating func putSigned(_ value: Int) { putNumber(value >= 0 ? 2 * value : -2 * value - 1) }

  /// Fills the last byte with zeros.
  mutating func finish() { if held > 0 { put(0, bits: 8 - held) } }
}

/// Reads what a `BitWriter` wrote; every number it gives is bounded by the caller.
struct BitReader {
  private let bytes: [UInt8]
  private var bit: Int

  init(_ bytes: [UInt8], at position: Int) {
    self.bytes = bytes
    bit = 8 * position
  }

  /// So many bits, at most 32.
  mutating func take(_ count: Int) -> Int? {
    guard count <= 8 * bytes.count - bit else { return nil }
    var value = 0
    for place in 0..<count {
      value |= Int(bytes[bit >> 3] >> UInt8(bit & 7) & 1) << place
      bit += 1
    }
    return value
  }

  /// A number from 0 to `limit`, which is below 2³².
  mutating func number(limit: Int) -> Int? {
    var length = 0
    while true {
      guard let bit = take(1) else { return nil }
      if bit == 1 { break }
      length += 1
      guard length <= 32 else { return nil }
    }
    guard let rest = take(length) else { return nil }
    let value = (1 << length | rest) - 1
    return value <= limit ? value : nil
  }

  /// A number of either sign.
  mutating func signed(limit: Int) -> Int? {
    number(limit: 2 * limit).map { $0 & 1 == 0 ? $0 / 2 : -($0 + 1) / 2 }
  }

  /// Passes over the zeros that fill a byte, and gives the next byte's place; `nil` when they are not zeros.
  mutating func finish() -> Int? {
    while bit & 7 != 0 { guard take(1) == 0 else { return nil } }
    return bit >> 3
  }
}
