internal import Kernels

let symbolLimit = Int(errata_symbol_limit)

/// The shares of symbols in one context: 256 of them, which add up to 4096, or to 0. `Formats/patch.md`, *Numbers*.
struct ShareTable: Equatable {
  private(set) var shares: [UInt16]

  private static let total = Int(errata_slot_count)
  /// Bits after the first that a stored share keeps: a finer one costs more than it saves.
  private static let precision = 4
  private static let firstLength = 6

  /// Shares in proportion to counts, at least 1 for each symbol that occurs.
  ///
  /// Shares are rounded to five leading bits; the most frequent symbol, whose share is not stored, takes what is left.
  init(counts: UnsafeBufferPointer<UInt32>) {
    shares = [UInt16](repeating: 0, count: symbolLimit)
    let sum = counts.reduce(0.0) { $0 + Double($1) }
    guard sum > 0, let top = counts.indices.max(by: { counts[$0] < counts[$1] }) else { return }
    let rare = sum / Double(ShareTable.total)
    var (rareCount, rareSum) = (0.0, 0.0)
    for count in counts where count > 0 && Double(count) < rare {
      rareCount += 1
      rareSum += Double(count)
    }
    let scale = (Double(ShareTable.total) - rareCount) / (sum - rareSum)
    var left = ShareTable.total
    var error = 0.0
    for (symbol, count) in counts.enumerated() where count > 0 && symbol != top {
      let ideal = Double(count) < rare ? 1 : max(1, Double(count) * scale)
      let low = ShareTable.rounded(Int(ideal))
      let high = ShareTable.step(above: low)
      // Up or down, so that what all of them take together stays near what they should.
      let share = abs(error + Double(low) - ideal) <= abs(error + Double(high) - ideal) ? low : high
      error += Double(share) - ideal
      shares[symbol] = UInt16(share)
      left -= share
    }
    while left < 1, let largest = shares.indices.max(by: { shares[$0] < shares[$1] }) {
      let lower = ShareTable.rounded(Int(shares[largest]) - 1)
      left += Int(shares[largest]) - lower
      shares[largest] = UInt16(lower)
    }
    shares[top] = UInt16(left)
  }

  /// The largest share that can be stored and is not above the given one.
  private static func rounded(_ share: Int) -> Int {
    let shift = max(length(share) - precision, 0)
    return (share >> shift) << shift
  }

  private static func step(above share: Int) -> Int { share + (1 << max(length(share) - precision, 0)) }

  /// Bits after the first.
  private static func length(_ share: Int) -> Int { Int.bitWidth - 1 - share.leadingZeroBitCount }

  /// The stored form.
  func write(to bits: inout BitWriter) {
    let symbols = shares.indices.filter { shares[$0] > 0 }
    bits.putNumber(symbols.count)
    // The first of the largest ones: a share that is left over need not be one that can be stored.
    guard let top = symbols.max(by: { shares[$0] < shares[$1] }) else { return }
    let stored = symbols.filter { ShareTable.rounded(Int(shares[$0])) != Int(shares[$0]) }
    let open = stored.first ?? top
    bits.putNumber(symbols.firstIndex(of: open)!)
    var next = 0
    var length = ShareTable.firstLength
    for symbol in symbols {
      bits.putNumber(symbol - next)
      next = symbol + 1
      guard symbol != open else { continue }
      let share = Int(shares[symbol])
      let own = ShareTable.length(share)
      bits.putSigned(own - length)
      length = own
      let kept = min(own, ShareTable.precision)
      bits.put(share >> (own - kept) & ((1 << kept) - 1), bits: kept)
    }
  }

  /// Reads a table; `nil` when it is not well formed.
  init?(reading bits: inout BitReader) {
    shares = [UInt16](repeating: 0, count: symbolLimit)
    guard let count = bits.number(limit: symbolLimit) else { return nil }
    guard count > 0 else { return }
    guard let open = bits.number(limit: count - 1) else { return nil }
    var symbol = -1
    var openSymbol = 0
    var left = ShareTable.total
    var length = ShareTable.firstLength
    for index in 0..<count {
      guard let skipped = bits.number(limit: symbolLimit), symbol + 1 + skipped < symbolLimit else {
        return nil
      }
      symbol += 1 + skipped
      if index == open {
        openSymbol = symbol
        continue
      }
      guard let change = bits.signed(limit: 12), (0..<12).contains(length + change) else { return nil }
      length += change
      let kept = min(length, ShareTable.precision)
      guard let rest = bits.take(kept) else { return nil }
      let share = (1 << kept | rest) << (length - kept)
      left -= share
      guard left > 0 else { return nil }
      shares[symbol] = UInt16(share)
    }
    shares[openSymbol] = UInt16(left)
  }
}
