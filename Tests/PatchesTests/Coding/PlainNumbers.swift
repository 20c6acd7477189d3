import Kernels
import ModelFiles

@testable import Patches

/// `Formats/patch.md`, *Differences* and *Numbers*, one number at a time and as the page says it: the judge of the coder.
enum PlainNumbers {
  /// A symbol with its raw bits, of an element of n bits.
  static func symbol(_ z: UInt64, bits n: Int) -> (symbol: Int, raw: UInt64, rawCount: Int) {
    guard z >= 16 else { return (Int(z), 0, 0) }
    let m = n == 64 ? 2 : 3
    let b = 64 - z.leadingZeroBitCount
    let t = z >> UInt64(b - 1 - m) & (1 << UInt64(m) - 1)
    return (16 + (b - 5) << m + Int(t), z & (1 << UInt64(b - 1 - m) - 1), b - 1 - m)
  }

  /// The number of a symbol and raw bits.
  static func number(_ symbol: Int, bits n: Int, raw: (Int) -> UInt64?) -> UInt64? {
    guard symbol >= 16 else { return UInt64(symbol) }
    let m = n == 64 ? 2 : 3
    let rawCount = (symbol - 16) >> m + 4 - m
    let head = UInt64(1 << m | (symbol - 16) & (1 << m - 1))
    return raw(rawCount).map { head << UInt64(rawCount) | $0 }
  }

  private static func ordinal(_ bits: UInt64, _ n: Int, _ isFloat: Bool) -> Int64 {
    isFloat ? Plain.ordinal(bits, width: n) : Int64(bitPattern: bits)
  }

  /// z of two elements of n bits.
  static func folded(_ base: UInt64, _ edited: UInt64, _ n: Int, isFloat: Bool) -> UInt64 {
    // Modulo 2ⁿ, read as a signed number.
    let d = ((ordinal(edited, n, isFloat) &- ordinal(base, n, isFloat)) << Int64(64 - n)) >> Int64(64 - n)
    let z = d >= 0 ? UInt64(d) << 1 : UInt64(bitPattern: -1 - d) << 1 | 1
    return n == 64 ? z : z & ((1 << UInt64(n)) - 1)
  }

  /// The bits at an ordinal moved by a folded number, forward or back.
  static func moved(_ bits: UInt64, by z: UInt64, _ n: Int, isFloat: Bool, isForward: Bool) -> UInt64 {
    let d = Int64(bitPattern: z >> 1 ^ (0 &- (z & 1)))
    let place = isForward ? ordinal(bits, n, isFloat) &+ d : ordinal(bits, n, isFloat) &- d
    let wrapped = (place << Int64(64 - n)) >> Int64(64 - n)
    guard isFloat else { return UInt64(bitPattern: wrapped) & (n == 64 ? .max : 1 << UInt64(n) - 1) }
    let sign: UInt64 = 1 << UInt64(n - 1)
    return wrapped >= 0 ? UInt64(wrapped) : UInt64(-1 - wrapped) | sign
  }

  /// Shares by symbol, ascending.
  typealias Table = [(symbol: Int, share: Int)]

  /// A cursor over bits; past the end it gives nothing.
  struct Bits {
    let bytes: [UInt8]
    var bit: Int

    init(_ bytes: [UInt8], at position: Int = 0) { (self.bytes, bit) = (bytes, 8 * position) }

    mutating func take(_ count: Int) -> UInt64? {
      guard bit + count <= 8 * bytes.count else { return nil }
      defer { bit += count }
      return (bit..<bit + count).reversed().reduce(0) {
        $0 << 1 | UInt64(bytes[$1 / 8] >> UInt8($1 % 8)) & 1
      }
    }

    mutating func count() -> Int? {
      var l = 0
      while let bit = take(1) {
        if bit == 1 { return take(l).map { 1 << l + Int($0) - 1 } }
        l += 1
      }
      return nil
    }

    mutating func signed() -> Int? { count().map { $0 % 2 == 0 ? $0 / 2 : -($0 + 1) / 2 } }

    mutating func table() -> Table? {
      guard let count = count() else { return nil }
      guard count > 0 else { return [] }
      guard let rest = self.count() else { return nil }
      var table: Table = []
      var l = 6
      for index in 0..<count {
        guard let skipped = self.count() else { return nil }
        table.append(((table.last?.symbol ?? -1) + 1 + skipped, 0))
        if index == rest { continue }
        guard let change = signed() else { return nil }
        l += change
        guard let low = take(min(l, 4)) else { return nil }
        table[index].share = (1 << min(l, 4) + Int(low)) << (l - min(l, 4))
      }
      guard rest < count else { return nil }
      table[rest].share = 4096 - table.reduce(0) { $0 + $1.share }
      return table
    }
  }

  /// The symbol of each slot; those of the table before are shared.
  static func slots(_ table: Table, after before: [Int]?) -> [Int] {
    var lack = [Int](repeating: 0, count: 256)
    for (symbol, share) in table { lack[symbol] = share }
    var slots = [Int](repeating: -1, count: table.isEmpty ? 0 : 4096)
    if let before {
      for slot in slots.indices where lack[before[slot]] > 0 {
        lack[before[slot]] -= 1
        slots[slot] = before[slot]
      }
    }
    var lacking = table.flatMap { [Int](repeating: $0.symbol, count: lack[$0.symbol]) }[...]
    for slot in slots.indices where slots[slot] < 0 { slots[slot] = lacking.removeFirst() }
    return slots
  }

  /// The slots that two tables, or a table and itself, give to the same symbol.
  struct SharedSlots {
    /// How many a symbol has, and each slot's place among them, or −1.
    typealias Counted = (number: [Int], places: [Int])
    private var found: [[Int]: Counted] = [:]

    mutating func places(_ one: Int, _ other: Int, _ slots: [[Int]]) -> Counted {
      if let counted = found[[one, other]] { return counted }
      var counted: Counted = ([Int](repeating: 0, count: 256), [Int](repeating: -1, count: 4096))
      if !slots[one].isEmpty, !slots[other].isEmpty {
        for slot in 0..<4096 where slots[one][slot] == slots[other][slot] {
          counted.places[slot] = counted.number[slots[one][slot]]
          counted.number[slots[one][slot]] += 1
        }
      }
      found[[one, other]] = counted
      return counted
    }
  }

  /// What a block says, as the elements of one side tell it.
  struct Decoded: Equatable {
    var numbers: [UInt64] = []
    var exceptions: [Int] = []
    var otherSide: [UInt64] = []
  }

  /// Decodes a block.
  ///
  /// - Parameters:
  ///   - bits: the elements of the side that is known.
  ///   - period: bytes of a quantized block, else 1.
  static func decode(
    _ block: [UInt8], _ kind: errata_elements, _ bits: [UInt64], period: Int = 1, isForward: Bool
  ) -> Decoded? {
    let n = 8 * Int(kind.width)
    var decoded = Decoded()
    var firsts: [Int] = []
    var (tableCount, start) = (1, 0)
    if kind.exponent_count > 0 || period > 1 {
      guard let clusterCount = block.first.map(Int.init), clusterCount > 0,
        block.count >= 2 * clusterCount - 1
      else { return nil }
      firsts = (1..<clusterCount).map { Int(block[2 * $0 - 1]) + Int(block[2 * $0]) << 8 }
      (tableCount, start) = (clusterCount + (kind.exponent_count > 0 ? 1 : 0), 2 * clusterCount - 1)
    }
    func cluster(_ bits: UInt64) -> Int {
      let exponent = Int(bits >> UInt64(kind.exponent_shift)) & Int(kind.exponent_count - 1)
      return firsts.count { $0 <= exponent }
    }
    var cursor = Bits(block, at: start)
    var slots: [[Int]] = []
    let clusterCount = kind.exponent_count > 0 ? tableCount - 1 : 0
    for index in 0..<tableCount {
      guard let table = cursor.table() else { return nil }
      slots.append(Self.slots(table, after: index < clusterCount ? slots.last { !$0.isEmpty } : nil))
    }
    if clusterCount > 0 {
      guard let count = cursor.count() else { return nil }
      for _ in 0..<count {
        guard let gap = cursor.count() else { return nil }
        decoded.exceptions.append((decoded.exceptions.last ?? -1) + 1 + gap)
      }
    }
    guard cursor.take((8 - cursor.bit % 8) % 8) == 0 else { return nil }
    let isException = Set(decoded.exceptions)
    var shared = SharedSlots()

    var words = Bits(block, at: cursor.bit / 8)
    var states: [UInt64] = []
    for _ in 0..<16 { if let state = words.take(32) { states.append(state) } }
    guard states.count == 16, let wordCount = words.take(32) else { return nil }
    let wordsEnd = words.bit + 16 * Int(wordCount)
    guard wordsEnd <= 8 * block.count else { return nil }
    var raw = Bits(block, at: wordsEnd / 8)
    for (i, own) in bits.enumerated() {
      let context =
        clusterCount == 0
        ? firsts.count { $0 <= i % period } : isException.contains(i) ? clusterCount : cluster(own)
      let x = states[i % 16]
      let slot = Int(x % 4096)
      guard !slots[context].isEmpty else { return nil }
      let symbol = slots[context][slot]
      guard let z = number(symbol, bits: n, raw: { raw.take($0) }) else { return nil }
      let isFloat = kind.is_sign_first == 1
      let other = moved(own, by: z, n, isFloat: isFloat, isForward: isForward)
      let isCrossing = clusterCount > 0 && !isException.contains(i)
      let counted = shared.places(context, isCrossing ? cluster(other) : context, slots)
      guard counted.places[slot] >= 0 else { return nil }
      states[i % 16] = UInt64(counted.number[symbol]) * (x / 4096) + UInt64(counted.places[slot])
      if states[i % 16] < 1 << 16 {
        guard words.bit < wordsEnd, let word = words.take(16) else { return nil }
        states[i % 16] = states[i % 16] << 16 | word
      }
      decoded.numbers.append(z)
      decoded.otherSide.append(other)
    }
    guard states.allSatisfy({ $0 == 1 << 16 }), words.bit == wordsEnd, 8 * block.count - raw.bit < 8,
      raw.take(8 * block.count - raw.bit) == 0
    else { return nil }
    return decoded
  }
}
