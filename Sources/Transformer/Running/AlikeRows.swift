/// Rows of a batch that begin alike: of one token, and, where positions are learned, at one position.
///
/// The first block makes the same queries, keys and values of them, before these are turned, and texts of a few relations repeat a few
/// hundred tokens.
struct AlikeRows: Sendable {
  /// The first row of each kind.
  let firsts: [Int]
  /// The kind of each row.
  let kinds: [Int]

  /// - Returns: `nil` where too few are alike to be worth it.
  init?(_ batch: Batch, byPosition: Bool) {
    var firsts: [Int] = []
    var kinds: [Int] = []
    var known: [UInt64: Int] = [:]
    kinds.reserveCapacity(batch.rowCount)
    for segment in batch.segments {
      for (offset, row) in segment.rows.enumerated() {
        let position = byPosition ? UInt64(segment.pastCount + offset) << 32 : 0
        let key = position | UInt64(UInt32(bitPattern: batch.tokens[row]))
        let kind = known[key] ?? firsts.count
        if kind == firsts.count {
          known[key] = kind
          firsts.append(row)
        }
        kinds.append(kind)
      }
    }
    guard 4 * firsts.count <= 3 * batch.rowCount else { return nil }
    self.firsts = firsts
    self.kinds = kinds
  }
}
