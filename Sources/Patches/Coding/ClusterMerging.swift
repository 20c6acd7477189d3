internal import Glibc
internal import Kernels

/// Greedy merging of neighboring clusters by estimated length.
struct ClusterMerging {
  /// Elements of a symbol that cross between two clusters, in either direction.
  private struct Crossing {
    var low: Int
    var high: Int
    let symbol: Int
    let count: Double
  }

  private struct Cluster {
    /// Elements by symbol; half of those that cross count.
    var counts: [Double]
    /// Bits of each symbol.
    private(set) var prices: [Double]
    /// Bits of all symbols and of the table.
    private(set) var length: Double

    init(_ counts: [Double]) {
      self.counts = counts
      let total = counts.reduce(0, +)
      prices = counts.map { $0 > 0 ? min(log2(total / $0), Cluster.dearest) : Cluster.dearest }
      length = zip(counts, prices).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * $1.1 + Cluster.entry : 0) }
    }

    /// A symbol that occurs has at least one slot of 4096.
    private static let dearest = 12.0
    /// Bits of a symbol in a stored table, about.
    private static let entry = 8.0

    func merged(with other: Cluster) -> Cluster { Cluster(zip(counts, other.counts).map(+)) }
  }

  private var clusters: [Cluster]
  /// Each cluster with the next.
  private var merged: [Cluster]
  private var crossings: [Crossing]

  init(_ tile: errata_symbols, clusterCount: Int) {
    let counts = UnsafeBufferPointer(start: tile.counts, count: clusterCount * symbolLimit)
    let starts = stride(from: 0, to: counts.count, by: symbolLimit)
    let last = (0..<symbolLimit).last { symbol in starts.contains { counts[$0 + symbol] > 0 } }
    let symbolCount = 1 + (last ?? 0)
    clusters = starts.map { start in
      Cluster(counts[start..<start + symbolCount].map { Double($0) / 2 })
    }
    merged = zip(clusters, clusters.dropFirst()).map { $0.merged(with: $1) }
    var found: [Int: Double] = [:]
    for index in 0..<tile.crossing_count {
      let crossing = tile.crossings[index]
      let (low, high) = (min(crossing.base, crossing.edited), max(crossing.base, crossing.edited))
      let symbol = tile.codes[Int(crossing.position)] & 0xFF
      found[Int(low) << 16 | Int(high) << 8 | Int(symbol), default: 0] += 1
    }
    crossings = found.sorted { $0.key < $1.key }.map { key, count in
      Crossing(low: key >> 16, high: key >> 8 & 255, symbol: key & 255, count: count)
    }
  }

  /// What crossings cost more than `Cluster.length`, which counts half of each in both, has of them: the slots that two
  /// tables share are those of the smaller share.
  private static func excess(_ crossing: Crossing, _ low: Cluster, _ high: Cluster) -> Double {
    let (one, other) = (low.prices[crossing.symbol], high.prices[crossing.symbol])
    return crossing.count * abs(one - other) / 2
  }

  /// Merges the pair of neighbors that saves most; gives the index of the bound that fell, or `nil` when none saves and there
  /// are few enough.
  mutating func step(limit: Int) -> Int? {
    guard clusters.count > 1 else { return nil }
    var now = [Double](repeating: 0, count: merged.count)
    var after = now
    for crossing in crossings {
      let own = ClusterMerging.excess(crossing, clusters[crossing.low], clusters[crossing.high])
      // Each merging that touches one of the two clusters changes this.
      for pair in Set([crossing.low - 1, crossing.low, crossing.high - 1, crossing.high])
      where merged.indices.contains(pair) {
        now[pair] += own
        let low = crossing.low == pair || crossing.low == pair + 1 ? merged[pair] : clusters[crossing.low]
        let high = crossing.high == pair || crossing.high == pair + 1 ? merged[pair] : clusters[crossing.high]
        after[pair] += ClusterMerging.excess(crossing, low, high)
      }
    }
    let savings = merged.indices.map {
      clusters[$0].length + clusters[$0 + 1].length + now[$0] - merged[$0].length - after[$0]
    }
    guard let pair = savings.indices.max(by: { savings[$0] < savings[$1] }),
      savings[pair] > 0 || clusters.count > limit
    else { return nil }
    clusters[pair] = merged[pair]
    clusters.remove(at: pair + 1)
    merged.remove(at: pair)
    for neighbor in [pair - 1, pair] where merged.indices.contains(neighbor) {
      merged[neighbor] = clusters[neighbor].merged(with: clusters[neighbor + 1])
    }
    crossings = crossings.compactMap { crossing in
      var moved = crossing
      if moved.low > pair { moved.low -= 1 }
      if moved.high > pair { moved.high -= 1 }
      return moved.low == moved.high ? nil : moved
    }
    return pair
  }
}
