internal import Kernels

/// Tables made ready to code with, and the room that a tile's symbols need. Used by one thread at a time.
final class NumberCoder {
  let pointer = errata_coder_create()!
  private var codes: [UInt16] = []
  private var crossings: [errata_crossing] = []
  private var raw: [UInt8] = []
  private var encoded: [UInt8] = []
  private var counts: [UInt32] = []

  deinit { errata_coder_destroy(pointer) }

  private func prepare(_ count: Int, width: Int, contexts contextCount: Int) {
    if codes.count < count {
      codes = [UInt16](repeating: 0, count: count)
      crossings = [errata_crossing](repeating: errata_crossing(), count: count)
    }
    if raw.count < count * width + 8 { raw = [UInt8](repeating: 0, count: count * width + 8) }
    if counts.count < 2 * contextCount * symbolLimit {
      counts = [UInt32](repeating: 0, count: 2 * contextCount * symbolLimit)
    }
  }

  /// Finds symbols and counts of a tile, and hands them on while they are valid.
  func withSymbols<Result>(
    _ kind: errata_elements, _ plan: ContextPlan, base: UnsafeRawPointer, edited: UnsafeRawPointer,
    count: Int, first: Int, _ body: (inout errata_symbols) -> Result
  ) -> Result {
    prepare(count, width: Int(kind.width), contexts: plan.contextCount)
    return codes.withUnsafeMutableBufferPointer { codes in
      crossings.withUnsafeMutableBufferPointer { crossings in
        raw.withUnsafeMutableBufferPointer { raw in
          counts.withUnsafeMutableBufferPointer { counts in
            var tile = errata_symbols(
              codes: codes.baseAddress!, crossings: crossings.baseAddress!, crossing_count: 0,
              raw: raw.baseAddress!, raw_length: 0, counts: counts.baseAddress!)
            errata_find_symbols(
              kind, plan.clusters, base, edited, count, UInt64(first), plan.contextCount, &tile)
            return body(&tile)
          }
        }
      }
    }
  }

  /// Makes tables ready; `false` when the shares of one do not add up.
  ///
  /// - Parameter linked: how many of the first ones share slots.
  func setTables(_ tables: [ShareTable], linked: Int) -> Bool {
    errata_coder_clear(pointer)
    for (index, table) in tables.enumerated() {
      guard errata_coder_add(pointer, table.shares, index < linked ? 1 : 0) != 0 else { return false }
    }
    return true
  }

  /// Codes the symbols of a tile.
  func encode(_ tile: inout errata_symbols, count: Int) -> ArraySlice<UInt8> {
    let bound = errata_encoded_bound(count, tile.raw_length)
    if encoded.count < bound { encoded = [UInt8](repeating: 0, count: bound) }
    let length = errata_encode_symbols(pointer, &tile, count, &encoded)
    return encoded[..<length]
  }
}
