/// One character's place in a regular expression: `\p{L}`, `[^\s\p{L}]`, `[a-z]`, `[\p{L}&&[^a-z]]`.
struct CharacterSet: Equatable, Sendable {
  var classes: CharacterClass = []
  /// `\P{L}`, `\S`: what is of none of these, each for itself.
  var complements: [CharacterClass] = []
  var ranges: [ClosedRange<UInt32>] = []
  /// Sets that must hold too.
  var intersections: [CharacterSet] = []
  var isNegated = false

  /// Whether a character of a class is in the set.
  func contains(_ value: UInt32, _ found: CharacterClass) -> Bool {
    holds(value, found) != isNegated
  }

  private func holds(_ value: UInt32, _ found: CharacterClass) -> Bool {
    let isListed =
      !found.isDisjoint(with: classes) || ranges.contains { $0.contains(value) }
      || complements.contains { found.isDisjoint(with: $0) }
    return isListed && intersections.allSatisfy { $0.contains(value, found) }
  }

  /// All that any of two sets lists, neither of them negated or cut.
  mutating func formUnion(_ other: CharacterSet) {
    classes.formUnion(other.classes)
    complements += other.complements
    ranges += other.ranges
  }
}

/// A set with its answers for ASCII and for each class of other characters at hand.
struct CompiledSet: Sendable {
  private let set: CharacterSet
  /// A bit for each of U+0000 to U+007F.
  private let ascii: (UInt64, UInt64)

  init(_ set: CharacterSet, _ classes: CharacterClasses) {
    self.set = set
    var bits: [UInt64] = [0, 0]
    for value in UInt32(0)..<128 where set.contains(value, classes.of(value)) {
      bits[Int(value >> 6)] |= 1 << UInt64(value & 63)
    }
    ascii = (bits[0], bits[1])
  }

  /// The length of the character at a position if it is in the set, else 0.
  @inline(__always)
  func length(_ text: Span<UInt8>, at position: Int, _ classes: CharacterClasses) -> Int {
    let first = text[position]
    if first < 64 { return Int(ascii.0 >> UInt64(first) & 1) }
    if first < 128 { return Int(ascii.1 >> UInt64(first - 64) & 1) }
    let (value, length) = text.scalar(at: position)
    return set.contains(value, classes.of(value)) ? length : 0
  }
}
