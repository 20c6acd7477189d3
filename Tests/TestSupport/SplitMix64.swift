@_exported import Floor
import Glibc

/// Seeded random numbers, so that a failure can be repeated.
extension SplitMix64 {
  /// Starts a sequence.
  package init(state: UInt64) { self.init(seed: state) }

  /// A number from the standard normal distribution (Box–Muller).
  package mutating func normal() -> Double {
    let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &self))).squareRoot()
    return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
  }

  /// Numbers from the standard normal distribution.
  package mutating func normals(_ count: Int) -> [Double] { (0..<count).map { _ in normal() } }
}
