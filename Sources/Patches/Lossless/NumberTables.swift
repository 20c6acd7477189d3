internal import Kernels

/// Tables of the number coder, as they stand in a block. `Formats/patch.md`, *Numbers*.
struct NumberTables {
  private(set) var tables: [errata_table] = []

  /// Tables of counted symbols: `counts` holds one row of symbols per table.
  init(counts: [UInt32]) {
    tables = stride(from: 0, to: counts.count, by: symbolLimit).map { start in
      var table = errata_table()
      counts.withUnsafeBufferPointer { errata_make_table($0.baseAddress! + start, &table) }
      return table
    }
  }

  private init(tables: [errata_table]) { self.tables = tables }

  /// The shares of a table's symbols.
  private static func shares(_ table: errata_table) -> [UInt16] {
    withUnsafeBytes(of: table.frequency) { Array($0.bindMemory(to: UInt16.self)) }
  }

  /// The stored form of all tables.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for table in tables {
      let shares = NumberTables.shares(table).enumerated().filter { $0.element > 0 }
      bytes += variableLength(shares.count)
      var next = 0
      for (symbol, share) in shares {
        bytes += variableLength(symbol - next) + variableLength(Int(share))
        next = symbol + 1
      }
    }
    return bytes
  }

  /// Reads tables; `nil` when they are not well formed.
  init?(count: Int, reading reader: inout BlockReader) {
    var tables: [errata_table] = []
    for _ in 0..<count {
      var table = errata_table()
      guard let symbols = reader.number(limit: symbolLimit) else { return nil }
      var next = 0
      for _ in 0..<symbols {
        guard let gap = reader.number(limit: symbolLimit), next + gap < symbolLimit,
          let share = reader.number(limit: Int(errata_slot_count)), share > 0
        else { return nil }
        next += gap
        withUnsafeMutableBytes(of: &table.frequency) {
          $0.storeBytes(of: UInt16(share), toByteOffset: 2 * next, as: UInt16.self)
        }
        next += 1
      }
      guard errata_complete_table(&table) != 0 else { return nil }
      tables.append(table)
    }
    self.init(tables: tables)
  }

  /// The symbol of each slot of each table.
  var slots: [UInt16] {
    let slotCount = Int(errata_slot_count)
    return [UInt16](unsafeUninitializedCapacity: slotCount * tables.count) { buffer, initialized in
      for (index, table) in tables.enumerated() {
        withUnsafePointer(to: table) { errata_fill_slots($0, buffer.baseAddress! + index * slotCount) }
      }
      initialized = slotCount * tables.count
    }
  }
}

/// A whole number in seven-bit groups, low groups first, all but the last marked by the high bit.
func variableLength(_ value: Int) -> [UInt8] {
  var bytes: [UInt8] = []
  var rest = value
  while rest >= 0x80 {
    bytes.append(UInt8(rest & 0x7F) | 0x80)
    rest >>= 7
  }
  return bytes + [UInt8(rest)]
}

/// A cursor over a block; every number it gives is bounded by the caller.
struct BlockReader {
  let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Bytes not yet read.
  var rest: Int { bytes.count - position }

  /// A variable-length number of at most `limit`.
  mutating func number(limit: Int) -> Int? {
    var value = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard position < bytes.count else { return nil }
      let byte = bytes[position]
      position += 1
      value |= Int(byte & 0x7F) << shift
      if byte < 0x80 { return value <= limit ? value : nil }
    }
    return nil
  }

  /// Moves past so many bytes and gives where they were.
  mutating func skip(_ count: Int) -> Range<Int>? {
    guard count <= rest else { return nil }
    position += count
    return position - count..<position
  }
}
