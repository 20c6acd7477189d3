internal import Glibc
internal import Kernels
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

extension PatchWriter {
  /// Adds a tensor pair as factors with the difference that they leave, if that is shorter than the difference alone.
  ///
  /// - Returns: `nil` when it is not; nothing was added then.
  func appendLowRank(
    _ pair: TensorPair, _ factors: LowRankFactors, threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> ChangeMeasure? {
    let kind = pair.before.elementType.order
    var best: (bits: Double, coder: FactoredPair)?
    let sample = FactoredPair.sampleTiles(pair.tileCount)
    for type in [TensorChange.FactorType.f16, .f32] {
      guard let stored = StoredFactors(factors, type: type) else { continue }
      let coder = try FactoredPair(pair, stored, kind, sampleTile: sample[0])
      let bits =
        Double(8 * stored.rank * (pair.before.shape[0] + pair.before.shape[1]) * type.byteCount)
        + 8 * Double(try coder.codedLength(of: sample)) * Double(pair.tileCount) / Double(sample.count)
      if bits < best?.bits ?? .infinity { best = (bits, coder) }
    }
    guard let (bits, coder) = best else { return nil }
    let plain = 8 * Double(try coder.plainLength(of: sample)) * Double(pair.tileCount) / Double(sample.count)
    guard bits < plain else { return nil }
    return try append(coder, threads: threads, progress: progress)
  }

  private func append(
    _ coder: FactoredPair, threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> ChangeMeasure {
    let pair = coder.pair
    let results = Mutex([FactoredPair.Tile?](repeating: nil, count: pair.tileCount))
    try parallelFor(
      pair.tileCount, width: threads, state: { (PairScratch(), TileTransform.Scratch()) }
    ) { tile, state in
      let coded = try coder.code(tile, state.0, state.1)
      results.withLock { $0[tile] = coded }
      progress(Tiling.range(tile, of: pair.before.byteCount).count)
    }
    let tiles = results.withLock { $0.compactMap { $0 } }
    var change = coder.change
    change.baseDigest = Digest(leaves: tiles.map(\.baseLeaf))
    change.resultDigest = Digest(leaves: tiles.map(\.resultLeaf))
    change.sample = try WeightSample(of: pair.before, in: pair.base, change)
    let leaves = try append(tiles.flatMap { $0.baseLeaf.bytes + $0.resultLeaf.bytes }, planesOf: 1)
    let scales = try append(StoredFactors.bytes(coder.factors.scales, .f32), planesOf: 4)
    let planes = coder.factors.type.byteCount
    let left = try append(StoredFactors.bytes(coder.factors.left, coder.factors.type), planesOf: planes)
    let right = try append(StoredFactors.bytes(coder.factors.right, coder.factors.type), planesOf: planes)
    let first = blockCount
    for tile in tiles { try append(NewBlock(coding: .differences, decodedCount: 0, stored: tile.difference)) }
    let second = blockCount
    for tile in tiles { try append(NewBlock(coding: .choices, decodedCount: 0, stored: tile.choices)) }
    change.blocks = TensorChange.Blocks(ranges: [
      leaves, scales, left, right, first..<second, second..<blockCount,
    ])
    var total = ChangeMeasure()
    for tile in tiles { total.add(tile.measure) }
    change.measured = total.json
    append(change)
    return total
  }
}

/// A tensor pair with factors that nearly lead from one to the other.
struct FactoredPair: Sendable {
  let pair: TensorPair
  let factors: StoredFactors
  let change: TensorChange
  private let kind: errata_elements
  private let transform: TileTransform
  private let plan: ContextPlan

  /// One tile in coded form.
  struct Tile: Sendable {
    let baseLeaf: Digest
    let resultLeaf: Digest
    let difference: [UInt8]
    let choices: [UInt8]
    let measure: ChangeMeasure
  }

  init(_ pair: TensorPair, _ factors: StoredFactors, _ kind: errata_elements, sampleTile: Int) throws {
    self.pair = pair
    self.factors = factors
    self.kind = kind
    change = TensorChange(
      name: pair.before.name, elementType: pair.before.elementType, shape: pair.before.shape,
      baseDigest: Digest(leaves: []), resultDigest: Digest(leaves: []), orientation: .outputMajor,
      rank: factors.rank,
      factorType: factors.type, rounding: .nearest)
    transform = TileTransform(factors, change: change)
    let scratch = PairScratch()
    let work = TileTransform.Scratch()
    let (before, after) = try FactoredPair.read(sampleTile, pair, scratch)
    transform.apply(sampleTile, base: before.baseAddress!, edited: work.middle.baseAddress!, work)
    plan = ContextPlan(
      kind, base: work.middle.baseAddress!, edited: after.baseAddress!, count: after.count / Int(kind.width),
      scratch.coder)
  }

  /// A few tiles that stand for all.
  static func sampleTiles(_ count: Int) -> [Int] {
    let number = min(3, count)
    return (0..<number).map { (2 * $0 + 1) * count / (2 * number) }
  }

  private static func read(
    _ tile: Int, _ pair: TensorPair, _ scratch: PairScratch
  ) throws -> (UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer) {
    let count = Tiling.range(tile, of: pair.before.byteCount).count
    let before = scratch.before.bytes(count)
    let after = scratch.after.bytes(count)
    try pair.read(tile, before: before, after: after)
    return (before, after)
  }

  /// Codes a tile, and proves that what is stored leads back.
  func code(_ tile: Int, _ scratch: PairScratch, _ work: TileTransform.Scratch) throws -> Tile {
    let (before, after) = try FactoredPair.read(tile, pair, scratch)
    let baseLeaf = Digest(of: UnsafeRawBufferPointer(before))
    let resultLeaf = Digest(of: UnsafeRawBufferPointer(after))
    let measure = scratch.measure(pair.before.elementType, before, after)
    guard baseLeaf != resultLeaf else {
      return Tile(baseLeaf: baseLeaf, resultLeaf: resultLeaf, difference: [], choices: [], measure: measure)
    }
    let middle = work.middle.baseAddress!
    transform.apply(tile, base: before.baseAddress!, edited: middle, work)
    let first = tile * Tiling.byteCount / Int(kind.width)
    let difference = DifferenceBlock.encode(
      kind, plan, base: middle, edited: after.baseAddress!, count: after.count / Int(kind.width),
      first: first,
      scratch.coder)
    let guess = work.output.baseAddress!
    guard let open = transform.estimateBase(tile, edited: middle, base: guess, work) else {
      throw PatchError.wrongResult(tensor: pair.before.name, file: pair.base.path, tile: tile)
    }
    let choices = transform.choices(open, base: before.baseAddress!)
    guard transform.fill(open, choices: choices, base: guess),
      memcmp(guess, before.baseAddress!, before.count) == 0
    else { throw PatchError.wrongResult(tensor: pair.before.name, file: pair.base.path, tile: tile) }
    return Tile(
      baseLeaf: baseLeaf, resultLeaf: resultLeaf, difference: difference, choices: choices, measure: measure)
  }

  /// Bytes of some tiles beside the factors.
  func codedLength(of tiles: [Int]) throws -> Int {
    let scratch = PairScratch()
    let work = TileTransform.Scratch()
    return try tiles.reduce(0) { total, tile in
      let coded = try code(tile, scratch, work)
      return total + coded.difference.count + coded.choices.count
    }
  }

  /// Bytes of the same tiles as plain differences.
  func plainLength(of tiles: [Int]) throws -> Int {
    let scratch = PairScratch()
    return try tiles.reduce(0) { total, tile in
      let (before, after) = try FactoredPair.read(tile, pair, scratch)
      let count = after.count / Int(kind.width)
      let plan = ContextPlan(
        kind, base: before.baseAddress!, edited: after.baseAddress!, count: count, scratch.coder)
      return total
        + DifferenceBlock.encode(
          kind, plan, base: before.baseAddress!, edited: after.baseAddress!, count: count,
          first: tile * Tiling.byteCount / Int(kind.width), scratch.coder
        ).count
    }
  }
}
