/// An edited element that more than one base element leads to.
struct OpenElement {
  /// Position in the tile.
  let position: Int
  /// Ordinals of the candidates.
  let candidates: ClosedRange<Int64>
  /// Whether the edited element is +0 or above.
  let isPositive: Bool

  /// Number of candidates; a whole binary64 tensor's range fits.
  var count: UInt128 { UInt128(candidates.upperBound.magnitudeAbove(candidates.lowerBound)) + 1 }

  /// Which candidate, counted toward larger magnitude.
  func digit(of ordinal: Int64) -> UInt64 {
    isPositive
      ? ordinal.magnitudeAbove(candidates.lowerBound) : candidates.upperBound.magnitudeAbove(ordinal)
  }

  /// The candidate of a digit below `count`.
  func ordinal(of digit: UInt64) -> Int64 {
    isPositive
      ? Int64(truncatingIfNeeded: UInt64(bitPattern: candidates.lowerBound) &+ digit)
      : Int64(truncatingIfNeeded: UInt64(bitPattern: candidates.upperBound) &- digit)
  }
}

extension Int64 {
  /// The distance down to another number, which may be more than an Int64 holds.
  fileprivate func magnitudeAbove(_ lower: Int64) -> UInt64 {
    UInt64(bitPattern: self) &- UInt64(bitPattern: lower)
  }
}

/// The mixed-radix packing of `Formats/patch.md`, *Revert*: digits that are uniform over their counts need no coder with a
/// model; groups of up to 64 bits waste half a digit each.
enum Choices {
  /// Packs one digit for each open element, in order.
  static func pack(_ open: [OpenElement], _ digits: [UInt64]) -> [UInt8] {
    var bytes: [UInt8] = []
    forEachGroup(open) { group, product in
      var value: UInt128 = 0
      for index in group.reversed() { value = value * open[index].count + UInt128(digits[index]) }
      bytes += littleEndian(UInt64(value), byteCount(product))
    }
    return bytes
  }

  /// Unpacks the digits, or gives `nil` when the bytes are not exactly those of these elements.
  static func unpack(_ open: [OpenElement], _ bytes: [UInt8]) -> [UInt64]? {
    var digits: [UInt64] = []
    digits.reserveCapacity(open.count)
    var position = 0
    var isValid = true
    forEachGroup(open) { group, product in
      let length = byteCount(product)
      guard isValid, position + length <= bytes.count else {
        isValid = false
        return
      }
      var value = UInt128(number(bytes[position..<position + length]))
      position += length
      guard value < product else {
        isValid = false
        return
      }
      for index in group {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: open[index].count)
        digits.append(UInt64(remainder))
        value = quotient
      }
    }
    return isValid && position == bytes.count ? digits : nil
  }

  /// A group takes digits while the product of their counts is at most 2⁶⁴.
  private static func forEachGroup(_ open: [OpenElement], _ body: (Range<Int>, UInt128) -> Void) {
    var start = 0
    while start < open.count {
      var product = open[start].count
      var end = start + 1
      while end < open.count {
        // Both are at most 2⁶⁴, but their product may be 2¹²⁸.
        let (next, overflow) = product.multipliedReportingOverflow(by: open[end].count)
        guard !overflow, next <= 1 << 64 else { break }
        product = next
        end += 1
      }
      body(start..<end, product)
      start = end
    }
  }

  /// Bytes that hold every number below the product.
  private static func byteCount(_ product: UInt128) -> Int {
    (UInt128.bitWidth - (product - 1).leadingZeroBitCount + 7) / 8
  }
}
