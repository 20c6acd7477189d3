/// Which pairs of neighboring tokens become one, and in which order.
///
/// Open addressing over 64-bit keys: one probe answers for nearly every pair that is not there, and most are not.
struct MergeTable: Sendable {
  /// What a pair becomes; the smallest rank is merged first.
  struct Merge {
    let rank: UInt32
    let token: Int32
  }

  private var keys: [UInt64]
  private var merges: [Merge]
  private let seed = UInt64.random(in: 0...UInt64.max) | 1
  private var shift: UInt64
  private(set) var count = 0
  private static let empty = UInt64.max

  init(expecting count: Int) {
    var bits = 4
    while 1 << bits < count * 2 { bits += 1 }
    shift = UInt64(64 - bits)
    keys = [UInt64](repeating: Self.empty, count: 1 << bits)
    merges = [Merge](repeating: Merge(rank: 0, token: 0), count: 1 << bits)
  }

  /// What two neighbors become, if anything.
  func merge(_ left: Int32, _ right: Int32) -> Merge? {
    let key = Self.key(left, right)
    var slot = start(key)
    while keys[slot] != key {
      if keys[slot] == Self.empty { return nil }
      slot = (slot + 1) & (keys.count - 1)
    }
    return merges[slot]
  }

  /// Enters a pair; one that is there already is kept or replaced.
  mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge, replacing: Bool) {
    if (count + 1) * 2 > keys.count { grow() }
    let key = Self.key(left, right)
    var slot = start(key)
    while keys[slot] != Self.empty, keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
    if keys[slot] == key {
      if replacing { merges[slot] = merge }
      return
    }
    keys[slot] = key
    merges[slot] = merge
    count += 1
  }

  private mutating func grow() {
    let old = zip(keys, merges).filter { $0.0 != Self.empty }
    shift -= 1
    keys = [UInt64](repeating: Self.empty, count: keys.count * 2)
    merges = [Merge](repeating: Merge(rank: 0, token: 0), count: keys.count)
    count = 0
    for (key, merge) in old {
      insert(Int32(truncatingIfNeeded: key >> 32), Int32(truncatingIfNeeded: key), merge, replacing: false)
    }
  }

  /// Token numbers are not negative, so no key is all ones.
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func start(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: ((key ^ key >> 29) &* seed) >> shift)
  }
}
