internal import Kernels

/// A tile's difference in coded form: the block of coding 5. `Formats/patch.md`, *Differences*.
enum DifferenceBlock {
  /// Buffers of one thread.
  final class Scratch {
    fileprivate var numbers: [UInt64] = []
    fileprivate var groups: [UInt8] = []
    fileprivate var gaps: [UInt64] = []
    fileprivate var encoded: [UInt8] = []

    fileprivate func prepare(_ count: Int) {
      guard numbers.count < count else { return }
      numbers = [UInt64](repeating: 0, count: count)
      groups = [UInt8](repeating: 0, count: count)
      gaps = [UInt64](repeating: 0, count: count)
      encoded = [UInt8](repeating: 0, count: errata_encoded_bound(count))
    }
  }

  /// Contexts of a kind: clusters of exponents, places in a quantized block, or one.
  private static func contextCount(_ kind: errata_elements, _ plan: ContextPlan) -> Int {
    if kind.exponent_count > 0 { return plan.bounds.count + 1 }
    return max(1, min(Int(kind.period), Int(errata_place_limit)))
  }

  /// Codes the way from a base tile to an edited tile.
  static func encode(
    _ kind: errata_elements, _ plan: ContextPlan, base: UnsafeRawPointer, edited: UnsafeRawPointer,
    count: Int,
    first: Int, _ scratch: Scratch
  ) -> [UInt8] {
    scratch.prepare(count)
    var groupCounts = [UInt32](repeating: 0, count: 256 * symbolLimit)
    errata_differences(
      kind, plan.clusters, base, edited, count, UInt64(first), &scratch.numbers, &scratch.groups, &groupCounts
    )
    let contexts = contextCount(kind, plan)
    guard kind.exponent_count > 0 else {
      let tables = NumberTables(counts: Array(groupCounts[..<(contexts * symbolLimit)]))
      return tables.bytes + numbers(scratch, tables, count: count)
    }

    // Pairs of clusters become contexts: the cluster where they agree, the exceptions' context where not.
    var contextOfPair = [UInt8](repeating: UInt8(contexts), count: 256)
    for cluster in 0..<contexts { contextOfPair[cluster << 4 | cluster] = UInt8(cluster) }
    var counts = [UInt32](repeating: 0, count: (contexts + 2) * symbolLimit)
    for base in 0..<contexts {
      for edited in 0..<contexts {
        let pair = base << 4 | edited
        let target = Int(contextOfPair[pair]) * symbolLimit
        for symbol in 0..<symbolLimit { counts[target + symbol] += groupCounts[pair * symbolLimit + symbol] }
      }
    }
    let gapCount = errata_choose_contexts(
      &scratch.groups, count, contextOfPair, UInt8(contexts), &scratch.gaps)
    counts.withUnsafeMutableBufferPointer {
      errata_count_numbers(scratch.gaps, gapCount, $0.baseAddress! + (contexts + 1) * symbolLimit)
    }
    let tables = NumberTables(counts: counts)
    var block = [UInt8(contexts)]
    for bound in plan.bounds { block += littleEndian(UInt64(bound), 2) }
    block += tables.bytes
    var positions = [UInt8](repeating: 0, count: errata_encoded_bound(gapCount))
    let length = tables.tables.withUnsafeBufferPointer {
      errata_encode_numbers(scratch.gaps, nil, gapCount, $0.baseAddress! + contexts + 1, &positions)
    }
    block += variableLength(gapCount) + variableLength(length) + positions[..<length]
    return block + numbers(scratch, tables, count: count)
  }

  private static func numbers(_ scratch: Scratch, _ tables: NumberTables, count: Int) -> ArraySlice<UInt8> {
    let length = errata_encode_numbers(
      scratch.numbers, scratch.groups, count, tables.tables, &scratch.encoded)
    return scratch.encoded[..<length]
  }

  /// Adds (or, going back, subtracts) a coded difference; `false` when the block is not that of so many elements.
  static func add(
    _ kind: errata_elements, _ block: [UInt8], isForward: Bool, source: UnsafeRawPointer,
    target: UnsafeMutableRawPointer, count: Int, first: Int
  ) -> Bool {
    var reader = BlockReader(block)
    var plan = ContextPlan(bounds: [], exponentCount: Int(kind.exponent_count))
    var exceptions: [UInt32] = []
    let tables: NumberTables
    var exception = 0
    if kind.exponent_count > 0 {
      guard let contexts = reader.number(limit: ContextPlan.limit), contexts > 0 else { return false }
      exception = contexts
      var bounds: [Int] = []
      for _ in 1..<contexts {
        guard let place = reader.skip(2) else { return false }
        let bound = Int(number(block[place]))
        guard bound > bounds.last ?? 0, bound < Int(kind.exponent_count) else { return false }
        bounds.append(bound)
      }
      plan = ContextPlan(bounds: bounds, exponentCount: Int(kind.exponent_count))
      guard let read = NumberTables(count: contexts + 2, reading: &reader),
        let found = positions(&reader, block, table: read.tables[contexts + 1], count: count)
      else { return false }
      tables = read
      exceptions = found
    } else {
      guard let read = NumberTables(count: contextCount(kind, plan), reading: &reader) else { return false }
      tables = read
    }
    let slots = tables.slots
    let start = reader.position
    return block.withUnsafeBufferPointer { bytes in
      errata_add_differences(
        kind, plan.clusters, UInt8(exception), exceptions, exceptions.count, bytes.baseAddress! + start,
        bytes.count - start, tables.tables, slots, isForward ? 1 : -1, source, target, count, UInt64(first))
        != 0
    }
  }

  /// The ascending positions of exceptions.
  private static func positions(
    _ reader: inout BlockReader, _ block: [UInt8], table: errata_table, count: Int
  ) -> [UInt32]? {
    guard let gapCount = reader.number(limit: count), let length = reader.number(limit: block.count),
      let place = reader.skip(length)
    else { return nil }
    var gaps = [UInt64](repeating: 0, count: max(gapCount, 1))
    var slots = [UInt16](repeating: 0, count: Int(errata_slot_count))
    var table = table
    errata_fill_slots(&table, &slots)
    let isWhole = block.withUnsafeBufferPointer {
      errata_decode_numbers($0.baseAddress! + place.lowerBound, place.count, &table, slots, gapCount, &gaps)
    }
    guard isWhole != 0 else { return nil }
    var positions: [UInt32] = []
    positions.reserveCapacity(gapCount)
    var next = 0
    for gap in gaps.prefix(gapCount) {
      guard gap < UInt64(count - next) else { return nil }
      next += Int(gap)
      positions.append(UInt32(next))
      next += 1
    }
    return positions
  }
}
