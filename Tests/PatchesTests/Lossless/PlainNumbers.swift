import ModelFiles

@testable import Patches

/// `Formats/patch.md`, *Differences* and *Numbers*, one number at a time and as the page says it: the judge of the coder.
enum PlainNumbers {
  /// A symbol with its raw bits.
  static func symbol(_ z: UInt64) -> (symbol: Int, raw: UInt64, rawCount: Int) {
    guard z >= 16 else { return (Int(z), 0, 0) }
    let b = 64 - z.leadingZeroBitCount
    let t = z >> UInt64(b - 4) & 7
    return (16 + 8 * (b - 5) + Int(t), z & ((1 << UInt64(b - 4)) - 1), b - 4)
  }

  /// The number of a symbol and raw bits.
  static func number(_ symbol: Int, raw: (Int) -> UInt64?) -> UInt64? {
    guard symbol >= 16 else { return UInt64(symbol) }
    let b = (symbol - 16) / 8 + 5
    let t = UInt64((symbol - 16) % 8)
    return raw(b - 4).map { (8 | t) << UInt64(b - 4) | $0 }
  }

  /// z of two elements of n bits.
  static func folded(_ base: UInt64, _ edited: UInt64, _ n: Int, isFloat: Bool) -> UInt64 {
    func ordinal(_ bits: UInt64) -> Int64 {
      isFloat ? Plain.ordinal(bits, width: n) : Int64(bitPattern: bits)
    }
    // Modulo 2ⁿ, read as a signed number.
    let d = ((ordinal(edited) &- ordinal(base)) << Int64(64 - n)) >> Int64(64 - n)
    let z = d >= 0 ? UInt64(d) << 1 : UInt64(bitPattern: -1 - d) << 1 | 1
    return n == 64 ? z : z & ((1 << UInt64(n)) - 1)
  }

  /// Shares by symbol.
  typealias Table = [(symbol: Int, share: Int)]

  /// A cursor over bytes; past the end it gives nothing.
  struct Cursor {
    let bytes: [UInt8]
    var position = 0

    mutating func take(_ count: Int) -> UInt64? {
      guard position + count <= bytes.count else { return nil }
      position += count
      return Patches.number(bytes[position - count..<position])
    }

    mutating func variable() -> Int? {
      var value = 0
      for shift in stride(from: 0, to: 35, by: 7) {
        guard let byte = take(1) else { return nil }
        value |= Int(byte & 127) << shift
        if byte < 128 { return value }
      }
      return nil
    }

    mutating func table() -> Table? {
      guard let count = variable() else { return nil }
      var table: Table = []
      for _ in 0..<count {
        guard let skipped = variable(), let share = variable() else { return nil }
        table.append(((table.last?.symbol ?? -1) + 1 + skipped, share))
      }
      return table
    }
  }

  /// Decodes numbers to the end of the bytes; `table` says which table the number at a place has.
  static func decode(_ bytes: [UInt8], count: Int, table: (Int) -> Table) -> [UInt64]? {
    var cursor = Cursor(bytes: bytes)
    var states: [UInt64] = []
    for _ in 0..<4 { if let state = cursor.take(4) { states.append(state) } }
    guard states.count == 4, let wordCount = cursor.take(4), 20 + 2 * Int(wordCount) <= bytes.count else {
      return nil
    }
    let rawBytes = Array(bytes[(20 + 2 * Int(wordCount))...])
    var bit = 0
    func raw(_ count: Int) -> UInt64? {
      guard bit + count <= 8 * rawBytes.count else { return nil }
      defer { bit += count }
      var value: UInt64 = 0
      for place in (bit..<bit + count).reversed() {
        let byte = rawBytes[place / 8]
        value = value << 1 | UInt64(byte >> UInt8(place % 8)) & 1
      }
      return value
    }
    var numbers: [UInt64] = []
    for i in 0..<count {
      let x = states[i % 4]
      let slot = Int(x % 4096)
      var start = 0
      var found: (symbol: Int, share: Int)?
      for entry in table(i) {
        if slot < start + entry.share {
          found = entry
          break
        }
        start += entry.share
      }
      guard let found, let z = number(found.symbol, raw: raw) else { return nil }
      states[i % 4] = UInt64(found.share) * (x / 4096) + UInt64(slot - start)
      if states[i % 4] < 1 << 16 {
        guard cursor.position < 20 + 2 * Int(wordCount), let word = cursor.take(2) else { return nil }
        states[i % 4] = states[i % 4] << 16 | word
      }
      numbers.append(z)
    }
    let isWhole = states.allSatisfy { $0 == 1 << 16 } && cursor.position == 20 + 2 * Int(wordCount)
    guard isWhole, (bit + 7) / 8 == rawBytes.count, raw(8 * rawBytes.count - bit) == 0 else { return nil }
    return numbers
  }

  /// The numbers of a block, and the positions of exceptions, as one side's elements tell them.
  ///
  /// - Parameter period: bytes of a quantized block, else 1.
  static func decode(
    _ block: [UInt8], exponents: [Int]?, period: Int = 1, count: Int
  ) -> (numbers: [UInt64], exceptions: [Int])? {
    var cursor = Cursor(bytes: block)
    guard let exponents else {
      let contextCount = min(period, 62)
      var tables: [Table] = []
      for _ in 0..<contextCount { if let table = cursor.table() { tables.append(table) } }
      guard tables.count == contextCount else { return nil }
      let rest = Array(block[cursor.position...])
      return decode(rest, count: count) { tables[$0 % period * contextCount / period] }.map { ($0, []) }
    }
    guard let clusterCount = cursor.take(1) else { return nil }
    var firsts: [Int] = []
    for _ in 1..<clusterCount { if let first = cursor.take(2) { firsts.append(Int(first)) } }
    var tables: [Table] = []
    for _ in 0..<clusterCount + 2 { if let table = cursor.table() { tables.append(table) } }
    guard let exceptionCount = cursor.variable(), let length = cursor.variable(),
      tables.count == clusterCount + 2
    else { return nil }
    let gapBytes = Array(block[cursor.position..<cursor.position + length])
    guard let gaps = decode(gapBytes, count: exceptionCount, table: { _ in tables.last! }) else { return nil }
    var exceptions: [Int] = []
    for gap in gaps { exceptions.append((exceptions.last ?? -1) + 1 + Int(gap)) }
    let isException = Set(exceptions)
    let rest = Array(block[(cursor.position + length)...])
    let numbers = decode(rest, count: count) { i in
      tables[isException.contains(i) ? Int(clusterCount) : firsts.count { $0 <= exponents[i] }]
    }
    return numbers.map { ($0, exceptions) }
  }
}
