import Kernels
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Tables and coder below the difference blocks.
@Suite struct NumberCoderTests {
  /// Numbers of some kind, by name.
  static let kinds = [
    "every size", "skewed", "one symbol", "none", "one", "two symbols", "the largest", "all symbols",
  ]

  static func numbers(_ kind: String) -> [UInt64] {
    var generator = SplitMix64(state: UInt64(kinds.firstIndex(of: kind)!))
    switch kind {
    case "every size":
      return (0..<5000).map { _ in generator.next() >> UInt64.random(in: 0..<64, using: &generator) }
    case "skewed":
      return (0..<20_000).map { _ in generator.next() % 1000 == 0 ? generator.next() : 0 }
    case "one symbol": return [UInt64](repeating: 3, count: 4097)
    case "none": return []
    case "one": return [12_345_678_901]
    case "two symbols": return (0..<301).map { _ in generator.next() & 1 == 0 ? 0 : 1 << 40 }
    case "the largest": return [UInt64](repeating: .max, count: 17)
    default:
      return (0..<UInt64(16)).map { $0 } + (0..<60).flatMap { shift in (8..<16).map { UInt64($0) << shift } }
    }
  }

  static func table(_ numbers: [UInt64]) -> errata_table {
    var counts = [UInt32](repeating: 0, count: symbolLimit)
    errata_count_numbers(numbers, numbers.count, &counts)
    var table = errata_table()
    errata_make_table(counts, &table)
    return table
  }

  static func shares(_ table: errata_table) -> PlainNumbers.Table {
    withUnsafeBytes(of: table.frequency) { bytes in
      bytes.bindMemory(to: UInt16.self).enumerated().filter { $1 > 0 }.map { ($0, Int($1)) }
    }
  }

  static func encode(_ numbers: [UInt64], _ table: errata_table) -> [UInt8] {
    var table = table
    return [UInt8](unsafeUninitializedCapacity: errata_encoded_bound(numbers.count)) { buffer, count in
      count = errata_encode_numbers(numbers, nil, numbers.count, &table, buffer.baseAddress!)
    }
  }

  static func decode(_ bytes: [UInt8], _ table: errata_table, count: Int) -> [UInt64]? {
    var table = table
    var slots = [UInt16](repeating: 0, count: Int(errata_slot_count))
    errata_fill_slots(&table, &slots)
    var numbers = [UInt64](repeating: 0, count: max(count, 1))
    guard errata_decode_numbers(bytes, bytes.count, &table, slots, count, &numbers) != 0 else { return nil }
    return Array(numbers.prefix(count))
  }

  @Test(arguments: kinds)
  func `numbers come back, by the coder and by the page`(kind: String) throws {
    let numbers = Self.numbers(kind)
    let table = Self.table(numbers)
    let bytes = Self.encode(numbers, table)
    #expect(Self.decode(bytes, table, count: numbers.count) == numbers)
    let shares = Self.shares(table)
    #expect(PlainNumbers.decode(bytes, count: numbers.count) { _ in shares } == numbers)
    // Where one symbol has all the shares and no raw bits, its number is nowhere in the bytes.
    guard kind != "one symbol" else { return }
    #expect(Self.decode(bytes, table, count: numbers.count + 1) == nil)
    if !numbers.isEmpty { #expect(Self.decode(bytes, table, count: numbers.count - 1) == nil) }
  }

  @Test func `a number's symbol and raw bits are those of the page`() {
    var generator = SplitMix64(state: 5)
    let edges = (0..<64).flatMap { shift in [-1, 0, 1].map { 1 << UInt64(shift) &+ UInt64(bitPattern: $0) } }
    let random = (0..<2000).map { _ in generator.next() >> UInt64.random(in: 0..<64, using: &generator) }
    for z in [0, .max] + edges + random {
      var counts = [UInt32](repeating: 0, count: symbolLimit)
      errata_count_numbers([z], 1, &counts)
      let (symbol, raw, rawCount) = PlainNumbers.symbol(z)
      #expect(counts.indices.filter { counts[$0] > 0 } == [symbol], "symbol of \(z)")
      #expect(PlainNumbers.number(symbol) { $0 == rawCount ? raw : nil } == z)
      // A table of one symbol codes nothing: states stay, no words, and the raw bits follow.
      let bytes = Self.encode([z], Self.table([z]))
      #expect(bytes[16..<20] == [0, 0, 0, 0])
      #expect(Array(bytes[20...]) == littleEndian(raw, (rawCount + 7) / 8), "raw bits of \(z)")
    }
    #expect(PlainNumbers.symbol(.max).symbol == symbolLimit - 1)
  }

  @Test func `shares add up to 4096 and every symbol that occurs has one`() {
    var generator = SplitMix64(state: 6)
    for round in 0..<300 {
      let present = round == 0 ? symbolLimit : Int.random(in: 1...symbolLimit, using: &generator)
      let top = UInt32(1) << UInt32.random(in: 1..<32, using: &generator)
      var counts = [UInt32](repeating: 0, count: symbolLimit)
      for symbol in Array(0..<symbolLimit).shuffled(using: &generator).prefix(present) {
        counts[symbol] =
          UInt32.random(in: 1...top, using: &generator) >> UInt32.random(in: 0..<20, using: &generator)
      }
      var table = errata_table()
      errata_make_table(counts, &table)
      let shares = Self.shares(table)
      #expect(shares.map(\.symbol) == counts.indices.filter { counts[$0] > 0 })
      #expect(shares.reduce(0) { $0 + $1.share } == (counts.contains { $0 > 0 } ? 4096 : 0), "round \(round)")
      // A stored table is the table.
      var reader = BlockReader(NumberTables(counts: counts).bytes)
      let read = NumberTables(count: 1, reading: &reader)
      #expect(reader.rest == 0 && read.map { Self.shares($0.tables[0]).map(\.share) } == shares.map(\.share))
    }
  }

  @Test func `one symbol against thousands keeps its share`() {
    var counts = [UInt32](repeating: 1, count: symbolLimit)
    counts[0] = .max
    var table = errata_table()
    errata_make_table(counts, &table)
    #expect(Self.shares(table).map(\.share) == [4096 - 495] + [Int](repeating: 1, count: 495))
  }

  @Test func `tables that are none are refused`() {
    for bytes: [UInt8] in [
      [], [1], [1, 0], [1, 0, 0], [1, 0, 0xFF, 0x1F], [1, 0, 0x81, 0x20], [2, 0, 0x80, 0x10, 0, 0x81, 0x10],
      [1, 0xF0, 0x03, 0x80, 0x20], [2, 0xEF, 0x03, 0x80, 0x10, 0, 0x80, 0x10], [0xF1, 0x03],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0], [1, 0, 0x80, 0x80, 0x80, 0x80, 0x80],
    ] {
      var reader = BlockReader(bytes)
      #expect(NumberTables(count: 1, reading: &reader) == nil, "\(bytes)")
    }
    for bytes: [UInt8] in [[0], [1, 0, 0x80, 0x20], [1, 0xEF, 0x03, 0x80, 0x20]] {
      var reader = BlockReader(bytes)
      #expect(NumberTables(count: 1, reading: &reader) != nil, "\(bytes)")
    }
  }

  @Test(arguments: kinds)
  func `bytes cut, longer or with one bit flipped are refused or decode to numbers`(kind: String) {
    let numbers = Array(Self.numbers(kind).prefix(150))
    let table = Self.table(numbers)
    let bytes = Self.encode(numbers, table)
    for length in 0..<bytes.count {
      #expect(Self.decode(Array(bytes[..<length]), table, count: numbers.count) == nil, "\(length) bytes")
    }
    #expect(Self.decode(bytes + [0], table, count: numbers.count) == nil)
    for position in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[position] ^= 1 << UInt8(bit)
        #expect(
          Self.decode(flipped, table, count: numbers.count) != numbers, "bit \(bit) of byte \(position)")
      }
    }
  }

  @Test func `the states that a decoder must refuse`() {
    let table = Self.table([1, 2, 1, 1])
    var low = Self.encode([], table)
    #expect(Self.decode(low, table, count: 0) == [])
    low[2] = 0
    #expect(Self.decode(low, table, count: 0) == nil, "a state below 2¹⁶")
    var words = Self.encode([], table)
    words[19] = 0x80
    #expect(Self.decode(words, table, count: 0) == nil, "more words than bytes")
    // An empty table has no symbols at all.
    #expect(Self.decode(Self.encode([], table), errata_table(), count: 1) == nil)
  }
}
