internal import Floor
internal import Kernels

/// An edited element that more than one base element leads to.
typealias OpenElement = errata_open

extension OpenElement {
  /// An element at a position of the tile, its candidates told by their ordinals.
  init(position: Int, candidates: ClosedRange<Int64>, isPositive: Bool) {
    self.init(
      lowest: candidates.lowerBound, highest: candidates.upperBound, position: UInt32(position),
      is_positive: isPositive ? 1 : 0)
  }

  /// Number of candidates less one: so that a whole binary64 tensor's range fits.
  var largestDigit: UInt64 { UInt64(bitPattern: highest) &- UInt64(bitPattern: lowest) }

  /// Which candidate, counted toward larger magnitude.
  func digit(of ordinal: Int64) -> UInt64 {
    is_positive != 0
      ? UInt64(bitPattern: ordinal) &- UInt64(bitPattern: lowest)
      : UInt64(bitPattern: highest) &- UInt64(bitPattern: ordinal)
  }

  /// The candidate of a digit that is not above the largest.
  func ordinal(of digit: UInt64) -> Int64 {
    Int64(
      bitPattern: is_positive != 0
        ? UInt64(bitPattern: lowest) &+ digit : UInt64(bitPattern: highest) &- digit)
  }
}

/// The mixed-radix packing of `Formats/patch.md`, *Revert*: digits that are uniform over their counts need no coder with a
/// model; groups of up to 64 bits waste half a digit each.
enum Choices {
  /// Packs one digit for each open element, in order.
  static func pack(_ open: UnsafeBufferPointer<OpenElement>, _ digits: [UInt64]) -> [UInt8] {
    var bytes: [UInt8] = []
    forEachGroup(open) { group, largest in
      var value: UInt64 = 0
      // All but the group's last step stay below 2⁶⁴; a single digit of 2⁶⁴ candidates is multiplied by nothing.
      for index in group.reversed() { value = value &* (open[index].largestDigit &+ 1) &+ digits[index] }
      bytes += value.littleEndianBytes(byteCount(largest))
      return true
    }
    return bytes
  }

  /// Unpacks the digits and hands them out in order; `false` when the bytes are not exactly those of these elements.
  static func unpack(
    _ open: UnsafeBufferPointer<OpenElement>, _ bytes: [UInt8], _ body: (OpenElement, UInt64) -> Void
  ) -> Bool {
    var position = 0
    let isValid = forEachGroup(open) { group, largest in
      let length = byteCount(largest)
      guard position + length <= bytes.count else { return false }
      var value: UInt64 = 0
      for index in (position..<position + length).reversed() { value = value << 8 | UInt64(bytes[index]) }
      position += length
      guard value <= largest else { return false }
      for index in group {
        let element = open[index]
        switch element.largestDigit {
        case 1:  // Nearly all: a division takes longer than all the rest.
          body(element, value & 1)
          value >>= 1
        case .max: body(element, value)
        case let last:
          let (quotient, remainder) = value.quotientAndRemainder(dividingBy: last + 1)
          body(element, remainder)
          value = quotient
        }
      }
      return true
    }
    return isValid && position == bytes.count
  }

  /// A group takes digits while the product of their counts is at most 2⁶⁴; it is handed out less one.
  ///
  /// - Returns: `false` as soon as the body does.
  @discardableResult
  private static func forEachGroup(
    _ open: UnsafeBufferPointer<OpenElement>, _ body: (Range<Int>, UInt64) -> Bool
  ) -> Bool {
    var start = 0
    while start < open.count {
      var largest = open[start].largestDigit
      var end = start + 1
      // 2⁶⁴ takes no further digit, as each has two candidates at least.
      while end < open.count, largest < .max {
        let last = open[end].largestDigit
        guard last < .max else { break }
        let (high, low) = (largest + 1).multipliedFullWidth(by: last + 1)
        guard high == 0 || high == 1 && low == 0 else { break }
        largest = low &- 1
        end += 1
      }
      guard body(start..<end, largest) else { return false }
      start = end
    }
    return true
  }

  /// Bytes that hold every number up to this.
  private static func byteCount(_ largest: UInt64) -> Int {
    (UInt64.bitWidth - largest.leadingZeroBitCount + 7) / 8
  }
}
