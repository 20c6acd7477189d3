internal import Floor
internal import Glibc
internal import Kernels
internal import ModelFiles

/// A tensor pair with a function of each element, factors or a gain, that nearly leads from one to the other.
struct FactoredPair: Sendable {
  let pair: TensorPair
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

  init(_ pair: TensorPair, _ transform: TileTransform) throws {
    self.pair = pair
    self.transform = transform
    kind = pair.before.elementType.order
    let scratch = PairScratch()
    let work = TileTransform.Scratch()
    let tile = pair.sampleTiles[0]
    let (before, after) = try pair.read(tile, scratch)
    transform.apply(tile, base: before.baseAddress!, edited: work.middle.baseAddress!, work)
    plan = ContextPlan(
      kind, base: work.middle.baseAddress!, edited: after.baseAddress!, count: after.count / Int(kind.width),
      first: tile * Tiling.byteCount / Int(kind.width), scratch.coder)
  }

  /// Codes a tile, and proves that what is stored leads back.
  func code(_ tile: Int, _ scratch: PairScratch, _ work: TileTransform.Scratch) throws -> Tile {
    let (before, after) = try pair.read(tile, scratch)
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
    let difference = DifferenceBlock.encode(
      kind, plan, base: middle, edited: after.baseAddress!, count: after.count / Int(kind.width),
      first: tile * Tiling.byteCount / Int(kind.width), scratch.coder)
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

  /// Bytes of some tiles beside the parameters of the function.
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
      let (before, after) = try pair.read(tile, scratch)
      let count = after.count / Int(kind.width)
      let first = tile * Tiling.byteCount / Int(kind.width)
      let plan = ContextPlan(
        kind, base: before.baseAddress!, edited: after.baseAddress!, count: count, first: first, scratch.coder
      )
      let block = DifferenceBlock.encode(
        kind, plan, base: before.baseAddress!, edited: after.baseAddress!, count: count, first: first,
        scratch.coder)
      return total + block.count
    }
  }
}
