/// SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
///
/// Seeds are part of what makes a patch, so numbers come from here and not from the standard library, whose `shuffled(using:)`
/// may change between versions.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts at a seed.
  package init(seed: UInt64) { state = seed }

  /// The next number.
  package mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mixed(state)
  }

  /// What the generator of this seed gives as its number `index`, counted from 0; so that order does not matter.
  package static func draw(_ index: Int, seed: UInt64 = 0) -> UInt64 {
    mixed(seed &+ UInt64(truncatingIfNeeded: index + 1) &* increment)
  }

  /// A number of [0, 1) with 53 bits.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number from 0 to below the bound, each equally often (Lemire, arXiv:1805.10941): the upper half of a product, drawn
  /// again where the lower half falls into the part of the range that is left over.
  package mutating func below(_ bound: Int) -> Int {
    let bound = UInt64(bound)
    let leftOver = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= leftOver { return Int(product.high) }
    }
  }

  /// 2⁶⁴ divided by the golden ratio, odd.
  package static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mixed(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
