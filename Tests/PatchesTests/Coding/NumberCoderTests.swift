import Kernels
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Tables and coder below the difference blocks.
@Suite struct NumberCoderTests {
  /// Numbers of some kind, by name.
  static let kinds = [
    "every size", "skewed", "one symbol", "one", "two symbols", "the largest", "all symbols",
  ]

  static func numbers(_ kind: String) -> [UInt64] {
    var generator = SplitMix64(state: UInt64(kinds.firstIndex(of: kind)!))
    switch kind {
    case "every size":
      return (0..<5000).map { _ in generator.next() >> UInt64.random(in: 0..<64, using: &generator) }
    case "skewed":
      return (0..<20_000).map { _ in generator.next() % 1000 == 0 ? generator.next() : 0 }
    case "one symbol": return [UInt64](repeating: 3, count: 4097)
    case "one": return [12_345_678_901]
    case "two symbols": return (0..<301).map { _ in generator.next() & 1 == 0 ? 0 : 1 << 40 }
    case "the largest": return [UInt64](repeating: .max, count: 17)
    default:
      return (0..<UInt64(16)).map { $0 } + (0..<60).flatMap { shift in (16..<32).map { UInt64($0) << shift } }
    }
  }

  /// U64 elements that differ from zeros by the numbers.
  static func pair(_ numbers: [UInt64]) -> ElementPair {
    var pair = ElementPair(.u64, "equal", count: numbers.count)
    pair.base = [UInt8](repeating: 0, count: 8 * numbers.count)
    pair.edited = numbers.flatMap {
      littleEndian(PlainNumbers.moved(0, by: $0, 64, isFloat: false, isForward: true), 8)
    }
    return pair
  }

  @Test(arguments: kinds)
  func `numbers come back, by the coder and by the page`(kind: String) throws {
    let numbers = Self.numbers(kind)
    let pair = Self.pair(numbers)
    let block = pair.encoded()
    #expect(pair.decoded(block, isForward: true) == pair.edited)
    #expect(try #require(pair.plain(block, isForward: true)).numbers == numbers)
  }

  @Test(arguments: [8, 16, 32, 64])
  func `a number's symbol and raw bits are those of the page`(bits: Int) {
    var generator = SplitMix64(state: 5)
    let edges = (0..<64).flatMap { shift in [-1, 0, 1].map { 1 << UInt64(shift) &+ UInt64(bitPattern: $0) } }
    let random = (0..<2000).map { _ in generator.next() >> UInt64.random(in: 0..<64, using: &generator) }
    let largest: UInt64 = .max >> UInt64(64 - bits)
    for z in ([0, largest] + edges + random).filter({ $0 <= largest }) {
      let (symbol, raw, rawCount) = PlainNumbers.symbol(z, bits: bits)
      #expect((0..<symbolLimit).contains(symbol))
      #expect(PlainNumbers.number(symbol, bits: bits) { $0 == rawCount ? raw : nil } == z)
    }
    if bits == 64 { #expect(PlainNumbers.symbol(.max, bits: 64).symbol == symbolLimit - 1) }
  }

  static func table(_ counts: [UInt32]) -> ShareTable {
    counts.withUnsafeBufferPointer { ShareTable(counts: $0) }
  }

  @Test func `shares add up to 4096, every symbol that occurs has one, and a stored table is the table`() {
    var generator = SplitMix64(state: 6)
    for round in 0..<300 {
      let present = round == 0 ? symbolLimit : Int.random(in: 1...symbolLimit, using: &generator)
      let top = UInt32(1) << UInt32.random(in: 1..<32, using: &generator)
      var counts = [UInt32](repeating: 0, count: symbolLimit)
      for symbol in Array(0..<symbolLimit).shuffled(using: &generator).prefix(present) {
        counts[symbol] =
          UInt32.random(in: 1...top, using: &generator) >> UInt32.random(in: 0..<20, using: &generator)
      }
      let table = Self.table(counts)
      #expect(
        table.shares.indices.filter { table.shares[$0] > 0 } == counts.indices.filter { counts[$0] > 0 })
      #expect(
        table.shares.reduce(0) { $0 + Int($1) } == (counts.contains { $0 > 0 } ? 4096 : 0), "round \(round)")
      var bits = BitWriter()
      table.write(to: &bits)
      bits.finish()
      var reader = BitReader(bits.bytes, at: 0)
      #expect(ShareTable(reading: &reader) == table && reader.finish() == bits.bytes.count, "round \(round)")
      var plain = PlainNumbers.Bits(bits.bytes)
      let shares = plain.table() ?? []
      #expect(shares.map(\.symbol) == table.shares.indices.filter { table.shares[$0] > 0 })
      #expect(shares.map(\.share) == table.shares.filter { $0 > 0 }.map(Int.init))
    }
  }

  @Test func `one symbol against hundreds keeps its share`() {
    var counts = [UInt32](repeating: 1, count: symbolLimit)
    counts[0] = .max
    #expect(Self.table(counts).shares == [4096 - 255] + [UInt16](repeating: 1, count: 255))
  }

  @Test func `tables that are none are refused`() {
    func read(_ write: (inout BitWriter) -> Void) -> ShareTable? {
      var bits = BitWriter()
      write(&bits)
      bits.finish()
      var reader = BitReader(bits.bytes, at: 0)
      return ShareTable(reading: &reader)
    }
    let good = read {
      for value in [2, 0, 5, 0] { $0.putNumber(value) }
      $0.putSigned(5)
      $0.put(0, bits: 4)
    }
    #expect(good?.shares[5] == 2048 && good?.shares[6] == 2048)
    #expect(read { $0.putNumber(0) }?.shares == [UInt16](repeating: 0, count: 256))
    #expect(read { _ in } == nil, "nothing")
    #expect(read { $0.putNumber(257) } == nil, "257 symbols")
    #expect(
      read { for value in [2, 2, 0, 0] { $0.putNumber(value) } } == nil, "the third of two takes the rest")
    #expect(read { for value in [1, 0, 256] { $0.putNumber(value) } } == nil, "symbol 256")
    for change in [-7, 6] {
      let table = read {
        for value in [2, 0, 0, 0] { $0.putNumber(value) }
        $0.putSigned(change)
        $0.put(0, bits: 8)
      }
      #expect(table == nil, "a share of length \(6 + change)")
    }
    let full = read {
      for value in [3, 0, 0, 0] { $0.putNumber(value) }
      $0.putSigned(5)
      $0.put(0, bits: 4)
      $0.putNumber(0)
      $0.putSigned(0)
      $0.put(0, bits: 4)
    }
    #expect(full == nil, "nothing left")
  }

  @Test func `bits come back, and what is not there is refused`() {
    var generator = SplitMix64(state: 8)
    let numbers: [Int] = [0, 1, 2, 1 << 31 - 1] + (0..<200).map { Int(generator.next() >> 33) >> ($0 % 31) }
    var bits = BitWriter()
    for number in numbers {
      bits.putNumber(number)
      bits.putSigned(number)
      bits.putSigned(-number)
    }
    bits.finish()
    var reader = BitReader(bits.bytes, at: 0)
    for number in numbers {
      #expect(reader.number(limit: 1 << 31) == number)
      #expect(reader.signed(limit: 1 << 31) == number && reader.signed(limit: 1 << 31) == -number)
    }
    #expect(reader.finish() == bits.bytes.count && reader.take(1) == nil)
    var zeros = BitReader([0, 0, 0, 0, 0, 0], at: 0)
    #expect(zeros.number(limit: .max) == nil)
    var padded = BitReader([0b1001], at: 0)
    #expect(padded.number(limit: 10) == 0 && padded.finish() == nil, "padding that is not zero")
  }

  @Test(arguments: kinds)
  func `bytes cut, longer or with one bit flipped are refused or decode to other numbers`(kind: String) {
    let pair = Self.pair(Array(Self.numbers(kind).prefix(60)))
    let block = pair.encoded()
    for length in 0..<block.count {
      #expect(pair.decoded(Array(block[..<length]), isForward: true) == nil, "\(length) bytes")
    }
    #expect(pair.decoded(block + [0], isForward: true) == nil)
    for position in block.indices {
      var flipped = block
      flipped[position] ^= 1 << UInt8(position % 8)
      _ = pair.decoded(flipped, isForward: true)
    }
  }
}
