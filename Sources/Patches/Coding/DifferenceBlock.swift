internal import Kernels

/// A tile's difference in coded form: the block of coding 5. `Formats/patch.md`, *Differences*.
enum DifferenceBlock {
  /// Codes the way from a base tile to an edited tile.
  static func encode(
    _ kind: errata_elements, _ plan: ContextPlan, base: UnsafeRawPointer, edited: UnsafeRawPointer,
    count: Int, first: Int, _ coder: NumberCoder
  ) -> [UInt8] {
    coder.withSymbols(kind, plan, base: base, edited: edited, count: count, first: first) { tile in
      var tables = (0..<plan.contextCount).map {
        ShareTable(counts: UnsafeBufferPointer(start: tile.counts + $0 * symbolLimit, count: symbolLimit))
      }
      guard kind.exponent_count > 0 else {
        var bits = BitWriter()
        for table in tables { table.write(to: &bits) }
        bits.finish()
        let isWhole = coder.setTables(tables, linked: 0)
        precondition(isWhole, "shares are made to add up")
        return plan.stored + bits.bytes + coder.encode(&tile, count: count)
      }

      var isWhole = coder.setTables(tables, linked: tables.count)
      precondition(isWhole, "shares are made to add up")
      var exceptions = [UInt32](repeating: 0, count: tile.crossing_count)
      let exceptionCount = errata_separate_exceptions(
        coder.pointer, &tile, UInt8(plan.contextCount), &exceptions)
      var counts = [UInt32](repeating: 0, count: symbolLimit)
      for position in exceptions[..<exceptionCount] { counts[Int(tile.codes[Int(position)] & 0xFF)] += 1 }
      tables.append(counts.withUnsafeBufferPointer { ShareTable(counts: $0) })
      isWhole = errata_coder_add(coder.pointer, tables.last!.shares, 0) != 0
      precondition(isWhole, "shares are made to add up")

      var bits = BitWriter()
      for table in tables { table.write(to: &bits) }
      bits.putNumber(exceptionCount)
      var next = 0
      for position in exceptions[..<exceptionCount] {
        bits.putNumber(Int(position) - next)
        next = Int(position) + 1
      }
      bits.finish()
      return plan.stored + bits.bytes + coder.encode(&tile, count: count)
    }
  }

  /// Adds (or, going back, subtracts) a coded difference; `false` when the block is not that of so many elements.
  static func add(
    _ kind: errata_elements, _ block: [UInt8], isForward: Bool, source: UnsafeRawPointer,
    target: UnsafeMutableRawPointer, count: Int, first: Int, _ coder: NumberCoder
  ) -> Bool {
    guard let plan = ContextPlan(kind, block) else { return false }
    var bits = BitReader(block, at: plan.stored.count)
    var tables: [ShareTable] = []
    let hasExponents = kind.exponent_count > 0
    for _ in 0..<plan.contextCount + (hasExponents ? 1 : 0) {
      guard let table = ShareTable(reading: &bits) else { return false }
      tables.append(table)
    }
    var exceptions: [UInt32] = []
    if hasExponents {
      guard let found = positions(&bits, count: count) else { return false }
      exceptions = found
    }
    guard let start = bits.finish(), coder.setTables(tables, linked: hasExponents ? plan.contextCount : 0)
    else { return false }
    return block.withUnsafeBufferPointer { bytes in
      errata_add_differences(
        kind, plan.clusters, coder.pointer, UInt8(plan.contextCount), exceptions, exceptions.count,
        bytes.baseAddress! + start, bytes.count - start, isForward ? 1 : -1, source, target, count,
        UInt64(first)) != 0
    }
  }

  /// The ascending positions of exceptions.
  private static func positions(_ bits: inout BitReader, count: Int) -> [UInt32]? {
    guard let exceptionCount = bits.number(limit: count) else { return nil }
    var positions: [UInt32] = []
    var next = 0
    for _ in 0..<exceptionCount {
      guard let gap = bits.number(limit: count - 1 - next) else { return nil }
      positions.append(UInt32(next + gap))
      next += gap + 1
    }
    return positions
  }
}
