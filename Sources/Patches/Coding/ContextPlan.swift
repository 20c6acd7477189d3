internal import Floor
internal import Kernels

/// Which elements share a table. `Formats/patch.md`, *Differences*.
///
/// The size of a difference follows the exponent, so each cluster of exponents has a table of its own. But a patch is read
/// from both sides: apply knows the base's exponent, revert the edited one. An element whose two exponents lie in different
/// clusters is coded with the slots that both tables give to its symbol, so few clusters lose little there, and many are sharp.
/// In quantized blocks scales and quants stand at fixed places: there places are what is cut into clusters.
struct ContextPlan: Sendable {
  /// First exponent, or place, of each cluster but the first, ascending.
  let bounds: [Int]
  /// Cluster of each exponent or place.
  let clusters: [UInt8]

  /// Most clusters of exponents: with that of the exceptions, sixteen contexts. Of places as many as there are tables.
  static func limit(_ kind: errata_elements) -> Int {
    kind.exponent_count > 0 ? 15 : kind.period > 0 ? Int(errata_table_limit) : 1
  }

  /// What is cut: exponents, places, or nothing.
  private static func extent(_ kind: errata_elements) -> Int { Int(max(kind.exponent_count, kind.period, 1)) }

  /// Number of clusters.
  var contextCount: Int { bounds.count + 1 }

  /// Clusters by their bounds.
  init(_ kind: errata_elements, bounds: [Int]) {
    self.bounds = bounds
    var clusters = [UInt8](repeating: 0, count: ContextPlan.extent(kind))
    for bound in bounds { for index in bound..<clusters.count { clusters[index] += 1 } }
    self.clusters = clusters
  }

  /// Reads the clusters that a block begins with; `nil` when they are not well formed.
  init?(_ kind: errata_elements, _ block: [UInt8]) {
    var bounds: [Int] = []
    if ContextPlan.extent(kind) > 1 {
      guard let count = block.first.map(Int.init), (1...ContextPlan.limit(kind)).contains(count),
        block.count >= 2 * count - 1
      else { return nil }
      for place in stride(from: 1, to: 2 * count - 1, by: 2) {
        let bound = Int(littleEndianBytes: block[place..<place + 2])
        guard bound > bounds.last ?? 0, bound < ContextPlan.extent(kind) else { return nil }
        bounds.append(bound)
      }
    }
    self.init(kind, bounds: bounds)
  }

  /// The clusters as a block begins with them; nothing where nothing is cut.
  var stored: [UInt8] {
    clusters.count > 1 ? [UInt8(contextCount)] + bounds.flatMap { UInt64($0).littleEndianBytes(2) } : []
  }

  /// Chooses clusters for a tensor from a sample of it, which begins with element `first`.
  init(
    _ kind: errata_elements, base: UnsafeRawPointer, edited: UnsafeRawPointer, count: Int, first: Int,
    _ coder: NumberCoder
  ) {
    guard ContextPlan.extent(kind) > 1 else {
      self.init(kind, bounds: [])
      return
    }
    var bounds = Array(1..<min(ContextPlan.extent(kind), Int(errata_crossing_context)))
    if kind.exponent_count > 0 {
      var exponents = [UInt32](repeating: 0, count: Int(kind.exponent_count))
      errata_count_exponents(kind, base, count, &exponents)
      bounds = ContextPlan.firstBounds(exponents, limit: ContextPlan.limit(kind))
    }
    let start = ContextPlan(kind, bounds: bounds)
    coder.withSymbols(kind, start, base: base, edited: edited, count: count, first: first) { tile in
      var merging = ClusterMerging(tile, clusterCount: start.contextCount)
      while let merged = merging.step(limit: ContextPlan.limit(kind)) { bounds.remove(at: merged) }
    }
    self.init(kind, bounds: bounds)
  }

  /// From the top down, exponents that occur often enough get a cluster each; the many small ones share the first.
  private static func firstBounds(_ exponents: [UInt32], limit: Int) -> [Int] {
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
