internal import Floor
internal import Glibc
internal import Kernels
public import ModelFiles

extension PatchWriter {
  /// Adds a tensor of one form in both models as the difference of its elements.
  func appendDifference(
    _ pair: TensorPair, threads: Int, measured: (ChangeMeasure) -> JSONValue = { $0.json },
    progress: @Sendable (Int) -> Void
  ) throws {
    let coded = try DifferenceCoder(pair)
    var leaves: [(base: Digest, result: Digest)] = []
    var total = ChangeMeasure()
    let first = blockCount
    try forEachTile(
      pair.tileCount, threads: threads, state: { PairScratch() },
      { tile, scratch in
        let tile = try coded.code(tile, scratch)
        progress(tile.byteCount)
        return tile
      },
      take: { tile in
        try append(tile.block)
        leaves.append((tile.base, tile.result))
        total.add(tile.measure)
      })
    let differences = first..<blockCount
    var change = DifferenceChange(
      form: TensorForm(pair.before), baseDigest: Digest(leaves: leaves.map(\.base)),
      resultDigest: Digest(leaves: leaves.map(\.result)))
    change.blocks = .init(differences: differences, leaves: try append(leaves: leaves))
    append(TensorChange(pair.before.name, change, measured: measured(total)))
  }

  /// Adds a tensor whose edited bytes are at hand, as the difference of its elements.
  ///
  /// - Parameters:
  ///   - edited: as many bytes as the tensor has.
  ///   - measured: what to note for people, given what the change amounts to.
  public func append(
    edited: [UInt8], of tensor: TensorInfo, of model: ModelFile, threads: Int,
    measured: (ChangeMeasure) -> JSONValue
  ) throws {
    precondition(edited.count == tensor.byteCount, "the bytes of one tensor")
    let pair = TensorPair(
      before: tensor, after: tensor, base: model.file(of: tensor),
      edited: .bytes(edited, at: tensor.byteRange.lowerBound))
    try appendDifference(pair, threads: threads, measured: measured) { _ in }
  }
}

/// Codes the tiles of a pair as the differences of their elements.
struct DifferenceCoder: Sendable {
  private let pair: TensorPair
  private let kind: errata_elements
  private let plan: ContextPlan

  /// One tile in coded form.
  struct Tile: Sendable {
    let base: Digest
    let result: Digest
    let block: BlockSpool.Block
    let measure: ChangeMeasure
    let byteCount: Int
  }

  init(_ pair: TensorPair) throws {
    self.pair = pair
    kind = pair.before.elementType.order
    plan = try DifferenceCoder.contextPlan(pair, kind)
  }

  /// Codes a tile; one that does not change has an empty block.
  func code(_ tile: Int, _ scratch: PairScratch) throws -> Tile {
    let (before, after) = try pair.read(tile, scratch)
    let baseLeaf = Digest(of: UnsafeRawBufferPointer(before))
    let resultLeaf = Digest(of: UnsafeRawBufferPointer(after))
    let width = Int(kind.width)
    var block: [UInt8] = []
    if baseLeaf != resultLeaf {
      block = DifferenceBlock.encode(
        kind, plan, base: before.baseAddress!, edited: after.baseAddress!, count: before.count / width,
        first: tile * Tiling.byteCount / width, scratch.coder)
    }
    return Tile(
      base: baseLeaf, result: resultLeaf,
      block: BlockSpool.Block(coding: .differences, decodedCount: 0, stored: block),
      measure: scratch.measure(pair.before.elementType, before, after), byteCount: before.count)
  }

  /// Contexts from the first tile that differs, which speaks for the tensor.
  private static func contextPlan(_ pair: TensorPair, _ kind: errata_elements) throws -> ContextPlan {
    let scratch = PairScratch()
    // The middle tells more than the start, which in embeddings is full of special tokens.
    let order = Array(pair.tileCount / 2..<pair.tileCount) + Array(0..<pair.tileCount / 2)
    for tile in order {
      let (before, after) = try pair.read(tile, scratch)
      if memcmp(before.baseAddress!, after.baseAddress!, before.count) != 0 {
        return ContextPlan(
          kind, base: before.baseAddress!, edited: after.baseAddress!, count: before.count / Int(kind.width),
          first: tile * Tiling.byteCount / Int(kind.width), scratch.coder)
      }
    }
    return ContextPlan(kind, bounds: [])
  }
}
