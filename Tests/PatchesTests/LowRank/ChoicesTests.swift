import TestSupport
import Testing

@testable import Patches

extension Choices {
  static func pack(_ open: [OpenElement], _ digits: [UInt64]) -> [UInt8] {
    open.withUnsafeBufferPointer { pack($0, digits) }
  }

  /// All digits together, or `nil`.
  static func unpack(_ open: [OpenElement], _ bytes: [UInt8]) -> [UInt64]? {
    var digits: [UInt64] = []
    return open.withUnsafeBufferPointer { unpack($0, bytes) { digits.append($1) } } ? digits : nil
  }
}

@Suite struct ChoicesTests {
  /// An open element of this many candidates; 0 stands for 2⁶⁴.
  func open(_ count: UInt64, isPositive: Bool = true) -> OpenElement {
    let upper = Int64(truncatingIfNeeded: UInt64(bitPattern: .min) &+ (count &- 1))
    return OpenElement(position: 0, candidates: Int64.min...upper, isPositive: isPositive)
  }

  @Test func `digits by hand`() {
    // 2 + 3 · (1 + 4 · 4) = 53 of 60; the page's own order, first digit lowest.
    let elements = [open(3), open(4), open(5)]
    #expect(Choices.pack(elements, [2, 1, 4]) == [53])
    #expect(Choices.unpack(elements, [53]) == [2, 1, 4])
    // 256 numbers take one byte, 257 take two.
    #expect(Choices.pack([open(256)], [255]) == [255])
    #expect(Choices.pack([open(257)], [256]) == [0, 1])
    #expect(Choices.pack([], []) == [])
    #expect(Choices.unpack([], []) == [])
  }

  @Test func `a digit counts toward larger magnitude`() {
    let above = OpenElement(position: 0, candidates: 5...8, isPositive: true)
    let below = OpenElement(position: 0, candidates: -9 ... -6, isPositive: false)
    #expect(above.digit(of: 5) == 0 && above.digit(of: 8) == 3)
    #expect(below.digit(of: -6) == 0 && below.digit(of: -9) == 3)
    for element in [above, below] {
      #expect(element.largestDigit == 3)
      for digit in UInt64(0)..<4 { #expect(element.digit(of: element.ordinal(of: digit)) == digit) }
    }
  }

  @Test func `the widest range has 2⁶⁴ candidates`() {
    for isPositive in [false, true] {
      let element = OpenElement(position: 0, candidates: .min ... .max, isPositive: isPositive)
      #expect(element.largestDigit == .max)
      for ordinal in [Int64.min, -1, 0, .max] {
        #expect(element.ordinal(of: element.digit(of: ordinal)) == ordinal)
      }
      let digit = element.digit(of: 7)
      #expect(Choices.pack([element], [digit]).count == 8)
      #expect(Choices.unpack([element], Choices.pack([element], [digit])) == [digit])
    }
  }

  @Test func `a group ends where the product would pass 2⁶⁴`() {
    let half: UInt64 = 1 << 63
    // 2⁶³ · 2 is exactly 2⁶⁴: one group of eight bytes. One candidate more and it is two.
    #expect(Choices.pack([open(half), open(2)], [half - 1, 1]) == [UInt8](repeating: 255, count: 8))
    #expect(
      Choices.pack([open(half), open(3)], [half - 1, 2]) == [255, 255, 255, 255, 255, 255, 255, 127, 2])
    // Two of 2⁶⁴: the product of their counts is 2¹²⁸, which UInt128 does not hold.
    #expect(Choices.pack([open(0), open(0)], [1, .max]).count == 16)
    #expect(
      Choices.pack([OpenElement](repeating: open(2), count: 64), [UInt64](repeating: 1, count: 64)).count == 8
    )
    #expect(
      Choices.pack([OpenElement](repeating: open(2), count: 65), [UInt64](repeating: 1, count: 65)).count == 9
    )
  }

  @Test(arguments: 0..<40)
  func `unpacking gives back what was packed`(seed: UInt64) {
    var generator = SplitMix64(state: seed)
    let sizes: [UInt64] = [2, 2, 2, 3, 5, 17, 255, 256, 257, 1 << 16, 1 << 32, 1 << 63, 1 << 63 + 1, 0]
    let elements = (0..<Int.random(in: 1...120, using: &generator)).map { _ in
      open(sizes[Int.random(in: 0..<(seed < 20 ? 7 : sizes.count), using: &generator)])
    }
    let digits = elements.map { element in
      UInt64.random(in: 0...element.largestDigit, using: &generator)
    }
    let bytes = Choices.pack(elements, digits)
    #expect(Choices.unpack(elements, bytes) == digits)
    #expect(Choices.unpack(elements, bytes + [0]) == nil)
    #expect(Choices.unpack(elements, bytes.dropLast()) == nil)
    #expect(Choices.unpack(elements, []) == nil)
  }

  @Test func `a number beyond its group is refused`() {
    #expect(Choices.unpack([open(3), open(2)], [5]) == [2, 1])
    #expect(Choices.unpack([open(3), open(2)], [6]) == nil)
    #expect(Choices.unpack([open(3), open(2)], [255]) == nil)
    #expect(Choices.unpack([open(1 << 63 + 1)], littleEndian(1 << 63, 8)) == [1 << 63])
    #expect(Choices.unpack([open(1 << 63 + 1)], littleEndian(1 << 63 + 1, 8)) == nil)
  }
}
