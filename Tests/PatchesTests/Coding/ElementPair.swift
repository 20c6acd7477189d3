import Kernels
import ModelFiles
import TestSupport

@testable import Patches

/// A tile of elements before and after, and its block both ways.
struct ElementPair {
  let type: ElementType
  var base: [UInt8]
  var edited: [UInt8]

  var order: errata_elements { type.order }
  var width: Int { Int(order.width) }
  var count: Int { base.count / width }

  /// Kinds of pairs, by name.
  static let kinds = ["near", "random bits", "special", "equal", "one changed", "one element"]

  init(_ type: ElementType, _ kind: String, count: Int = 600) {
    self.type = type
    var generator = SplitMix64(state: UInt64(Self.kinds.firstIndex(of: kind)!) + 1)
    let width = Int(type.order.width)
    let size = (kind == "one element" ? 1 : count) * width
    func random() -> [UInt8] { (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) } }
    base = random()
    switch kind {
    case "near":
      edited = base
      for element in 0..<size / width {
        // The low half moves, the exponent seldom.
        let place = element * width
        let step = UInt8.random(in: 0...9, using: &generator)
        edited[place] = base[place] &+ step * step / 3
      }
    case "special":
      let all = Self.specials(type)
      func draw() -> [UInt8] {
        (0..<size / width).flatMap { _ in littleEndian(all.randomElement(using: &generator)!, width) }
      }
      (base, edited) = (draw(), draw())
    case "equal": edited = base
    case "one changed":
      edited = base
      edited[size / 2 / width * width] ^= 1
    default: edited = random()
    }
  }

  /// Zeros, subnormal numbers, infinities, NaN with payloads, the largest and least patterns.
  static func specials(_ type: ElementType) -> [UInt64] {
    let n = UInt64(8 * type.order.width)
    let sign = UInt64(1) << (n - 1)
    let shift = UInt64(type.order.exponent_shift)
    let infinity = UInt64(max(type.order.exponent_count, 1) - 1) << shift
    let least = UInt64(1) << shift
    let positive: [UInt64] = [0, 1, 3, least - 1, least, infinity, infinity + 1, sign - 1, 0x3C]
    return positive.map { $0 & (sign - 1) } + positive.map { $0 & (sign - 1) | sign }
  }

  func bits(_ bytes: [UInt8], _ index: Int) -> UInt64 { number(bytes[index * width..<(index + 1) * width]) }

  /// All elements of one side.
  func bits(_ bytes: [UInt8]) -> [UInt64] { (0..<count).map { bits(bytes, $0) } }

  /// What the page makes of a block.
  func plain(_ block: [UInt8], isForward: Bool) -> PlainNumbers.Decoded? {
    PlainNumbers.decode(
      block, order, bits(isForward ? base : edited), period: max(1, Int(order.period)), isForward: isForward)
  }

  /// z of every element, as the page has it.
  var numbers: [UInt64] {
    (0..<count).map {
      PlainNumbers.folded(bits(base, $0), bits(edited, $0), 8 * width, isFloat: order.is_sign_first == 1)
    }
  }

  var plan: ContextPlan {
    base.withUnsafeBytes { base in
      edited.withUnsafeBytes { edited in
        ContextPlan(
          order, base: base.baseAddress!, edited: edited.baseAddress!, count: count, first: 0, NumberCoder())
      }
    }
  }

  func encoded(_ plan: ContextPlan? = nil, _ coder: NumberCoder = NumberCoder()) -> [UInt8] {
    let plan = plan ?? self.plan
    return base.withUnsafeBytes { base in
      edited.withUnsafeBytes { edited in
        DifferenceBlock.encode(
          order, plan, base: base.baseAddress!, edited: edited.baseAddress!, count: count, first: 0, coder)
      }
    }
  }

  /// What a block makes of one side; `nil` when it is refused. Buffers are as long as the elements, so that the address
  /// sanitizer sees every step outside them.
  func decoded(_ block: [UInt8], isForward: Bool) -> [UInt8]? {
    let source = UnsafeMutableRawBufferPointer.allocate(byteCount: base.count, alignment: 8)
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: base.count, alignment: 8)
    defer {
      source.deallocate()
      target.deallocate()
    }
    source.copyBytes(from: isForward ? base : edited)
    let isWhole = DifferenceBlock.add(
      order, block, isForward: isForward, source: source.baseAddress!, target: target.baseAddress!,
      count: count, first: 0, NumberCoder())
    return isWhole ? Array(target) : nil
  }
}
