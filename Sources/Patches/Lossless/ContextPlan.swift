internal import Kernels

/// Which elements share a table. `Formats/patch.md`, *Differences*.
///
/// The size of a difference follows the exponent, so each cluster of exponents has a table of its own. But a patch is read
/// from both sides: apply knows the base's exponent, revert the edited one. An element whose two exponents lie in different
/// clusters is coded with the slots that both tables give to its symbol, so few clusters lose little there, and many are sharp.
struct ContextPlan: Sendable {
  /// First exponent of each cluster but the first, ascending.
  let bounds: [Int]
  /// Cluster of each exponent.
  let clusters: [UInt8]
  /// Clusters of exponents, places in a quantized block, or one.
  let contextCount: Int

  /// Most clusters: with that of the exceptions, sixteen contexts.
  static let limit = 15

  /// Clusters by their bounds; none where there are no exponents.
  init(_ kind: errata_elements, bounds: [Int]) {
    self.bounds = bounds
    let exponentCount = Int(kind.exponent_count)
    var clusters = [UInt8](repeating: 0, count: max(exponentCount, 1))
    for bound in bounds { for exponent in bound..<exponentCount { clusters[exponent] += 1 } }
    self.clusters = clusters
    contextCount =
      exponentCount > 0 ? bounds.count + 1 : max(1, min(Int(kind.period), Int(errata_place_limit)))
  }

  /// Reads the clusters that a block begins with; `nil` when they are not well formed.
  init?(_ kind: errata_elements, _ block: [UInt8]) {
    var bounds: [Int] = []
    if kind.exponent_count > 0 {
      guard let count = block.first.map(Int.init), (1...ContextPlan.limit).contains(count),
        block.count >= 2 * count - 1
      else { return nil }
      for place in stride(from: 1, to: 2 * count - 1, by: 2) {
        let bound = Int(number(block[place..<place + 2]))
        guard bound > bounds.last ?? 0, bound < Int(kind.exponent_count) else { return nil }
        bounds.append(bound)
      }
    }
    self.init(kind, bounds: bounds)
  }

  /// Bytes of the clusters in a block of elements that have exponents.
  var storedLength: Int { clusters.count > 1 ? 1 + 2 * bounds.count : 0 }

  /// Chooses clusters for a tensor from a sample of it.
  init(
    _ kind: errata_elements, base: UnsafeRawPointer, edited: UnsafeRawPointer, count: Int,
    _ coder: NumberCoder
  ) {
    guard kind.exponent_count > 0 else {
      self.init(kind, bounds: [])
      return
    }
    var exponents = [UInt32](repeating: 0, count: Int(kind.exponent_count))
    errata_count_exponents(kind, base, count, &exponents)
    let start = ContextPlan(kind, bounds: ContextPlan.firstBounds(exponents))
    var bounds = start.bounds
    coder.withSymbols(kind, start, base: base, edited: edited, count: count, first: 0) { tile in
      var merging = ClusterMerging(tile, clusterCount: start.contextCount)
      while let merged = merging.step() { bounds.remove(at: merged) }
    }
    self.init(kind, bounds: bounds)
  }

  /// From the top down, exponents that occur often enough get a cluster each; the many small ones share the first.
  private static func firstBounds(_ exponents: [UInt32]) -> [Int] {
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
