import Glibc
import Kernels
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Blocks of coding 5: both ways, against the page, damaged, and how short they are.
@Suite struct DifferenceBlockTests {
  @Test(arguments: ElementType.allCases, ElementPair.kinds)
  func `a block leads forward and back, whatever the bits are`(type: ElementType, kind: String) throws {
    let pair = ElementPair(type, kind)
    let block = pair.encoded()
    #expect(pair.decoded(block, isForward: true) == pair.edited)
    #expect(pair.decoded(block, isForward: false) == pair.base)
    for (isForward, other) in [(true, pair.edited), (false, pair.base)] {
      let plain = try #require(pair.plain(block, isForward: isForward), "the page refuses it")
      #expect(plain.numbers == pair.numbers && plain.otherSide == pair.bits(other))
    }
  }

  @Test(arguments: [0, 3])
  func `every level writes and reads the same`(level: Int) {
    guard level <= errata_kernel_best_level() else { return }
    for type in [ElementType.bf16, .f16, .f32, .f64, .u8, .q4K] {
      for kind in ElementPair.kinds {
        let pair = ElementPair(type, kind, count: 3001)
        let block = pair.encoded()
        errata_kernel_force_level(Int32(level))
        defer { errata_kernel_force_level(-1) }
        #expect(pair.encoded() == block)
        #expect(pair.decoded(block, isForward: true) == pair.edited)
        #expect(pair.decoded(block, isForward: false) == pair.base)
      }
    }
  }

  @Test func `a coder is good for longer tiles and shorter ones`() {
    let coder = NumberCoder()
    for count in [1, 700, 20, 3000, 1] {
      let pair = ElementPair(.bf16, "near", count: count)
      #expect(pair.encoded(nil, coder) == pair.encoded())
    }
  }

  @Test(arguments: ElementType.allCases.filter { $0.order.exponent_count > 0 || $0.order.period > 0 })
  func `clusters are the same each time, ascending, and few`(type: ElementType) {
    for kind in ElementPair.kinds {
      let pair = ElementPair(type, kind, count: 5000)
      let (plan, again) = (pair.plan, pair.plan)
      let bounds = plan.bounds
      #expect(bounds == again.bounds && plan.clusters == again.clusters)
      #expect(bounds == Set(bounds).sorted() && bounds.count < ContextPlan.limit(type.order))
      #expect(bounds.allSatisfy { $0 > 0 && $0 < Int(max(pair.order.exponent_count, pair.order.period)) })
    }
  }

  @Test(arguments: [1, 2, 7, 15])
  func `every number of clusters and many exceptions come back`(clusterCount: Int) throws {
    for type in [ElementType.f64, .f32, .f16, .bf16, .f8E5M2, .f8E4M3] {
      let exponentCount = Int(type.order.exponent_count)
      let bounds = (1..<clusterCount).map { $0 * exponentCount / clusterCount }
      let plan = ContextPlan(type.order, bounds: Set(bounds).sorted().filter { $0 > 0 })
      let pair = ElementPair(type, "random bits")
      let block = pair.encoded(plan)
      #expect(pair.decoded(block, isForward: true) == pair.edited)
      #expect(pair.decoded(block, isForward: false) == pair.base)
      let (forward, back) = (
        try #require(pair.plain(block, isForward: true)), try #require(pair.plain(block, isForward: false))
      )
      #expect(forward.numbers == pair.numbers && back.numbers == pair.numbers)
      #expect(forward.exceptions == back.exceptions)
    }
  }

  /// Exponents far apart, whose tables have nothing in common.
  @Test func `numbers without common slots are exceptions`() throws {
    var pair = ElementPair(.bf16, "equal", count: 64)
    for element in 0..<64 {
      // From 1 to 1 + 2⁻⁷ · k, but for two that fall to nearly nothing.
      let isFar = element == 7 || element == 40
      pair.base.replaceSubrange(2 * element..<2 * element + 2, with: [0x80, 0x3F])
      pair.edited.replaceSubrange(
        2 * element..<2 * element + 2, with: isFar ? [UInt8(element), 0x10] : [0x81, 0x3F])
    }
    let block = pair.encoded(ContextPlan(pair.order, bounds: [64]))
    let plain = try #require(pair.plain(block, isForward: true))
    #expect(plain.otherSide == pair.bits(pair.edited))
    #expect(pair.decoded(block, isForward: false) == pair.base)
    #expect(pair.plain(block, isForward: false)?.exceptions == plain.exceptions)
  }

  /// Short blocks of every form: widths, with and without exponents, with exceptions.
  static let damaged: [(ElementType, String, Int)] = [
    (.f64, "special", 12), (.f32, "near", 60), (.bf16, "near", 120), (.bf16, "random bits", 40),
    (.f8E4M3, "special", 50), (.i64, "random bits", 20), (.u16, "near", 60), (.q4K, "near", 80),
    (.f16, "one element", 1), (.bf16, "equal", 30),
  ]

  @Test(arguments: damaged)
  func `a block cut, longer or with one bit flipped is refused or gives some elements`(
    type: ElementType, kind: String, count: Int
  ) {
    let pair = ElementPair(type, kind, count: count)
    let block = pair.encoded()
    for isForward in [true, false] {
      #expect(pair.decoded(block + [0], isForward: isForward) == nil)
      for length in 0..<block.count {
        #expect(pair.decoded(Array(block[..<length]), isForward: isForward) == nil, "\(length) bytes")
      }
      for position in block.indices {
        var flipped = block
        flipped[position] ^= 1 << UInt8(position % 8)
        _ = pair.decoded(flipped, isForward: isForward)
      }
    }
  }

  @Test func `bytes drawn at random are refused`() {
    var generator = SplitMix64(state: 9)
    for type in [ElementType.bf16, .f64, .u8, .i64] {
      let pair = ElementPair(type, "near", count: 40)
      for _ in 0..<500 {
        let block = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator) & UInt8.random(in: 0...255, using: &generator)
        }
        #expect(pair.decoded(block, isForward: true) == nil)
      }
    }
  }

  @Test func `a block for another number of elements is refused`() {
    for type in [ElementType.bf16, .u8] {
      let pair = ElementPair(type, "near", count: 100)
      let block = pair.encoded()
      for count in [1, 99, 101] {
        #expect(ElementPair(type, "near", count: count).decoded(block, isForward: true) == nil, "\(count)")
      }
    }
  }

  @Test func `clusters and exceptions that cannot be are refused`() {
    let pair = ElementPair(.f16, "near", count: 50)
    let block = pair.encoded(ContextPlan(pair.order, bounds: [5, 9]))
    #expect(block[..<5] == [3, 5, 0, 9, 0] && pair.decoded(block, isForward: true) == pair.edited)
    for (front, what) in [
      ([0, 5, 0, 9, 0], "no cluster"), ([16, 5, 0, 9, 0], "sixteen"),
      ([3, 0, 0, 9, 0], "exponent 0 twice"),
      ([3, 9, 0, 9, 0], "an empty cluster"), ([3, 9, 0, 5, 0], "descending"),
      ([3, 5, 0, 32, 0], "no exponent"),
      ([3, 5, 0, 9, 1], "no exponent"),
    ] as [([UInt8], String)] {
      #expect(pair.decoded(front + block[5...], isForward: true) == nil, "\(what)")
    }
  }

  @Test func `a small change of normal weights takes little more than its entropy given the base's exponent`()
  {
    var generator = SplitMix64(state: 11)
    let count = 1 << 17
    var pair = ElementPair(.bf16, "equal", count: 1)
    (pair.base, pair.edited) = ([], [])
    var counts: [UInt16: [UInt64: Double]] = [:]
    for _ in 0..<count {
      let weight = Float(generator.normal() * 0.02)
      let before = Plain.bf16(weight)
      let after = Plain.bf16(
        Float(bitPattern: UInt32(before) << 16) + Float(generator.normal() * 0.02 * 0.001))
      pair.base += littleEndian(UInt64(before), 2)
      pair.edited += littleEndian(UInt64(after), 2)
      let z = PlainNumbers.folded(UInt64(before), UInt64(after), 16, isFloat: true)
      counts[before >> 7 & 255, default: [:]][z, default: 0] += 1
    }
    let entropy = counts.values.reduce(0.0) { sum, counts in
      let total = counts.values.reduce(0, +)
      return sum - counts.values.reduce(0.0) { $0 + $1 * log2($1 / total) }
    }
    let bits = 8 * Double(pair.encoded().count)
    #expect(
      bits < 1.05 * entropy, "\(bits / Double(count)) bits an element, entropy \(entropy / Double(count))")
    #expect(bits > entropy)
  }
}
