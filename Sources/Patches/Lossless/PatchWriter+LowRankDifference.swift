internal import Floor
internal import Glibc
internal import Kernels
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

extension PatchWriter {
  /// Adds a tensor pair as factors with the difference that they leave, if that is shorter than the difference alone.
  ///
  /// - Parameter candidates: factors, of which the shortest are taken.
  /// - Returns: `nil` when it is not; nothing was added then.
  func appendLowRank(
    _ pair: TensorPair, _ candidates: [LowRankFactors], threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> ChangeMeasure? {
    let kind = pair.before.elementType.order
    var best: (bits: Double, coder: FactoredPair, factors: StoredFactors)?
    let sample = FactoredPair.sampleTiles(pair.tileCount)
    for (factors, type) in candidates.flatMap({ [($0, TensorChange.FactorType.f16), ($0, .f32)] }) {
      guard let stored = StoredFactors(factors, type: type) else { continue }
      let coder = try FactoredPair(pair, stored, kind, sampleTile: sample[0])
      let bits =
        Double(8 * stored.rank * (pair.before.shape[0] + pair.before.shape[1]) * type.byteCount)
        + 8 * Double(try coder.codedLength(of: sample)) * Double(pair.tileCount) / Double(sample.count)
      if bits < best?.bits ?? .infinity { best = (bits, coder, stored) }
    }
    guard let (bits, coder, stored) = best else { return nil }
    let plain = 8 * Double(try coder.plainLength(of: sample)) * Double(pair.tileCount) / Double(sample.count)
    guard bits < plain else { return nil }
    return try append(coder, stored, threads: threads, progress: progress)
  }

  private func append(
    _ coder: FactoredPair, _ factors: StoredFactors, threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> ChangeMeasure {
    let tiles = try coder.codeAll(threads: threads, progress: progress)
    return try append(coder, tiles) {
      let scales = try append(StoredFactors.bytes(factors.scales, .f32), planesOf: 4)
      let planes = factors.type.byteCount
      let left = try append(StoredFactors.bytes(factors.left, factors.type), planesOf: planes)
      let right = try append(StoredFactors.bytes(factors.right, factors.type), planesOf: planes)
      return [scales, left, right]
    }
  }

  /// Adds coded tiles.
  ///
  /// - Parameter parameters: adds the blocks of the function between the leaves and the differences.
  func append(
    _ coder: FactoredPair, _ tiles: [FactoredPair.Tile], _ parameters: () throws -> [Range<Int>] = { [] }
  ) throws -> ChangeMeasure {
    var change = coder.change
    change.baseDigest = Digest(leaves: tiles.map(\.baseLeaf))
    change.resultDigest = Digest(leaves: tiles.map(\.resultLeaf))
    if change.kind == .lowRank {
      change.sample = try WeightSample(of: coder.pair.before, in: coder.pair.base, change)
    }
    let leaves = try append(tiles.flatMap { $0.baseLeaf.bytes + $0.resultLeaf.bytes }, planesOf: 1)
    let own = try parameters()
    let first = blockCount
    if !tiles.allSatisfy(\.isExact) {
      for tile in tiles {
        try append(NewBlock(coding: .differences, decodedCount: 0, stored: tile.difference))
      }
    }
    let second = blockCount
    for tile in tiles { try append(NewBlock(coding: .choices, decodedCount: 0, stored: tile.choices)) }
    change.blocks = TensorChange.Blocks(ranges: [leaves] + own + [first..<second, second..<blockCount])
    var total = ChangeMeasure()
    for tile in tiles { total.add(tile.measure) }
    change.measured = total.json
    append(change)
    return total
  }
}

/// A tensor pair with factors, or one factor for all elements, that nearly lead from one to the other.
struct FactoredPair: Sendable {
  let pair: TensorPair
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
    /// Whether the function alone gives the edited tile.
    let isExact: Bool
  }

  init(_ pair: TensorPair, _ factors: StoredFactors, _ kind: errata_elements, sampleTile: Int) throws {
    var change = FactoredPair.change(of: pair)
    change.rank = factors.rank
    change.factorType = factors.type
    try self.init(pair, TileTransform(factors, change: change), kind, sampleTile: sampleTile)
  }

  /// A pair of which one is the other times a gain.
  init(_ pair: TensorPair, gain: Double, _ kind: errata_elements, sampleTile: Int) throws {
    var change = FactoredPair.change(of: pair)
    change.kind = .scaled
    change.gain = gain
    try self.init(pair, TileTransform(scaled: change), kind, sampleTile: sampleTile)
  }

  private init(
    _ pair: TensorPair, _ transform: TileTransform, _ kind: errata_elements, sampleTile: Int
  ) throws {
    self.pair = pair
    self.kind = kind
    self.transform = transform
    change = transform.change
    let scratch = PairScratch()
    let work = TileTransform.Scratch()
    let (before, after) = try FactoredPair.read(sampleTile, pair, scratch)
    transform.apply(sampleTile, base: before.baseAddress!, edited: work.middle.baseAddress!, work)
    plan = ContextPlan(
      kind, base: work.middle.baseAddress!, edited: after.baseAddress!, count: after.count / Int(kind.width),
      first: sampleTile * Tiling.byteCount / Int(kind.width), scratch.coder)
  }

  private static func change(of pair: TensorPair) -> TensorChange {
    TensorChange(
      name: pair.before.name, elementType: pair.before.elementType, shape: pair.before.shape,
      baseDigest: Digest(leaves: []), resultDigest: Digest(leaves: []), orientation: .outputMajor, rank: 0,
      factorType: .f16, rounding: .nearest)
  }

  /// A few tiles that stand for all.
  static func sampleTiles(_ count: Int) -> [Int] {
    let number = min(3, count)
    return (0..<number).map { (2 * $0 + 1) * count / (2 * number) }
  }

  static func read(
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
      return Tile(
        baseLeaf: baseLeaf, resultLeaf: resultLeaf, difference: [], choices: [], measure: measure,
        isExact: true)
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
      baseLeaf: baseLeaf, resultLeaf: resultLeaf, difference: difference, choices: choices, measure: measure,
      isExact: memcmp(middle, after.baseAddress!, after.count) == 0)
  }

  /// Codes all tiles.
  func codeAll(threads: Int, progress: @Sendable (Int) -> Void) throws -> [Tile] {
    let results = Mutex([Tile?](repeating: nil, count: pair.tileCount))
    try parallelFor(
      pair.tileCount, width: threads, state: { (PairScratch(), TileTransform.Scratch()) }
    ) { tile, state in
      let coded = try code(tile, state.0, state.1)
      results.withLock { $0[tile] = coded }
      progress(Tiling.range(tile, of: pair.before.byteCount).count)
    }
    return results.withLock { $0.compactMap { $0 } }
  }

  /// Bytes of some tiles beside the factors.
  func codedLength(of tiles: [Int]) throws -> Int {
    let scratch = PairScratch()
    let work = TileTransform.Scratch()
    let coded = try tiles.map { try code($0, scratch, work) }
    let differences = coded.allSatisfy(\.isExact) ? 0 : coded.reduce(0) { $0 + $1.difference.count }
    return coded.reduce(differences) { $0 + $1.choices.count }
  }

  /// Bytes of the same tiles as plain differences.
  func plainLength(of tiles: [Int]) throws -> Int {
    let scratch = PairScratch()
    return try tiles.reduce(0) { total, tile in
      let (before, after) = try FactoredPair.read(tile, pair, scratch)
      let count = after.count / Int(kind.width)
      let first = tile * Tiling.byteCount / Int(kind.width)
      let plan = ContextPlan(
        kind, base: before.baseAddress!, edited: after.baseAddress!, count: count, first: first, scratch.coder
      )
      return total
        + DifferenceBlock.encode(
          kind, plan, base: before.baseAddress!, edited: after.baseAddress!, count: count,
          first: first, scratch.coder
        ).count
    }
  }
}
