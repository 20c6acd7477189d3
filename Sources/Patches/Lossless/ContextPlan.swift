internal import Glibc
internal import Kernels

/// Which exponents share a table. `Formats/patch.md`, *Differences*.
///
/// The size of a difference follows the exponent, so each cluster of exponents has a table of its own. But a patch is read
/// from both sides: apply knows the base's exponent, revert the edited one. Elements whose two exponents lie in different
/// clusters are exceptions, listed by position and coded with one common table. Few clusters mean few exceptions, many
/// mean sharp tables; the plan merges neighbors as long as the estimated length falls.
struct ContextPlan: Sendable {
  /// First exponent of each cluster but the first, ascending.
  let bounds: [Int]
  /// Cluster of each exponent.
  let clusters: [UInt8]

  /// Most clusters: a pair of them is one byte.
  static let limit = 16

  /// Clusters by their bounds.
  init(bounds: [Int], exponentCount: Int) {
    self.bounds = bounds
    var clusters = [UInt8](repeating: 0, count: max(exponentCount, 1))
    for bound in bounds { for exponent in bound..<exponentCount { clusters[exponent] += 1 } }
    self.clusters = clusters
  }

  /// Chooses clusters for a tensor from a sample of it.
  init(_ kind: errata_elements, base: UnsafeRawPointer, edited: UnsafeRawPointer, count: Int) {
    let exponentCount = Int(kind.exponent_count)
    guard exponentCount > 0 else {
      self.init(bounds: [], exponentCount: 0)
      return
    }
    var exponents = [UInt32](repeating: 0, count: exponentCount)
    errata_count_exponents(kind, base, count, &exponents)
    let start = ContextPlan(
      bounds: ContextPlan.firstBounds(exponents, count: count), exponentCount: exponentCount)
    var numbers = [UInt64](repeating: 0, count: count)
    var groups = [UInt8](repeating: 0, count: count)
    var counts = [UInt32](repeating: 0, count: 256 * symbolLimit)
    errata_differences(kind, start.clusters, base, edited, count, 0, &numbers, &groups, &counts)
    var merging = ClusterMerging(clusterCount: start.bounds.count + 1, counts: counts)
    var bounds = start.bounds
    while let merged = merging.step() { bounds.remove(at: merged) }
    self.init(bounds: bounds, exponentCount: exponentCount)
  }

  /// From the top down, exponents that occur often enough get a cluster each; the many small ones share the first.
  private static func firstBounds(_ exponents: [UInt32], count: Int) -> [Int] {
    var bounds: [Int] = []
    var gathered: UInt32 = 0
    for exponent in exponents.indices.reversed() where bounds.count < limit - 1 && exponent > 0 {
      gathered += exponents[exponent]
      if gathered >= 256 {
        bounds.append(exponent)
        gathered = 0
      }
    }
    return bounds.reversed()
  }
}

let symbolLimit = Int(errata_symbol_limit)

/// Greedy merging of neighboring clusters by estimated length.
private struct ClusterMerging {
  private var clusterCount: Int
  /// histograms[a][b]: symbols of elements whose base lies in cluster a and whose edited number lies in b.
  private var histograms: [[[Double]]]
  private let elementCount: Double
  private let symbolCount: Int

  init(clusterCount: Int, counts: [UInt32]) {
    self.clusterCount = clusterCount
    let used = (0..<256 * symbolLimit).last { counts[$0] > 0 }.map { _ in
      1 + (0..<symbolLimit).last { symbol in (0..<256).contains { counts[$0 * symbolLimit + symbol] > 0 } }!
    }
    let symbols = used ?? 1
    symbolCount = symbols
    histograms = (0..<clusterCount).map { a in
      (0..<clusterCount).map { b in
        (0..<symbols).map { Double(counts[(a << 4 | b) * symbolLimit + $0]) }
      }
    }
    elementCount = histograms.joined().joined().reduce(0, +)
  }

  /// Bits of symbols coded with their own table, and of the table itself (about 18 bits a symbol).
  private static func length(_ histogram: [Double]) -> Double {
    var total = 0.0
    var bits = 0.0
    for count in histogram where count > 0 {
      total += count
      bits += 18 - count * log2(count)
    }
    return total > 0 ? bits + total * log2(total) : 0
  }

  /// Bits of the positions of so many exceptions.
  private func positions(_ count: Double) -> Double {
    guard count > 0, count < elementCount else { return 0 }
    return elementCount * log2(elementCount) - count * log2(count)
      - (elementCount - count) * log2(elementCount - count)
  }

  private static func sum(_ parts: [[Double]]) -> [Double] {
    var total = parts[0]
    for part in parts.dropFirst() { for index in total.indices { total[index] += part[index] } }
    return total
  }

  /// Merges the pair of neighbors that saves most; gives the index of the bound that fell, or `nil` when none saves.
  mutating func step() -> Int? {
    guard clusterCount > 1 else { return nil }
    var exceptions = [Double](repeating: 0, count: symbolCount)
    for a in 0..<clusterCount {
      for b in 0..<clusterCount where a != b {
        for index in exceptions.indices { exceptions[index] += histograms[a][b][index] }
      }
    }
    let own = (0..<clusterCount).map { ClusterMerging.length(histograms[$0][$0]) }
    let exceptionBits = ClusterMerging.length(exceptions) + positions(exceptions.reduce(0, +))
    var best: (bound: Int, saving: Double)?
    for low in 0..<clusterCount - 1 {
      let crossing = ClusterMerging.sum([histograms[low][low + 1], histograms[low + 1][low]])
      let merged = ClusterMerging.sum([histograms[low][low], histograms[low + 1][low + 1], crossing])
      let rest = zip(exceptions, crossing).map { $0 - $1 }
      let after =
        ClusterMerging.length(merged) + ClusterMerging.length(rest) + positions(rest.reduce(0, +))
      let saving = own[low] + own[low + 1] + exceptionBits - after
      if saving > 0, saving > best?.saving ?? 0 { best = (low, saving) }
    }
    guard let best else { return nil }
    let low = best.bound
    for a in 0..<clusterCount {
      histograms[a][low] = ClusterMerging.sum([histograms[a][low], histograms[a][low + 1]])
      histograms[a].remove(at: low + 1)
    }
    for b in histograms[low].indices {
      histograms[low][b] = ClusterMerging.sum([histograms[low][b], histograms[low + 1][b]])
    }
    histograms.remove(at: low + 1)
    clusterCount -= 1
    return low
  }
}
