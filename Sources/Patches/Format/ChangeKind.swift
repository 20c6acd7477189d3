internal import Floor
internal import ModelFiles

/// A kind of change: what its object in the manifest holds, and the blocks that belong to it. `Formats/patch.md`, *Manifest*.
///
/// A new kind is a type that has this, a case of `TensorChange.Kind` and, since older readers do not know it, a critical
/// feature bit.
protocol ChangeKind: Equatable, Sendable {
  /// The kind's name in the manifest.
  static var label: String { get }
  /// What a reader must know for it.
  var features: PatchFeatures { get }
  /// Type and shape after the change, or before it for a removed tensor.
  var form: TensorForm { get }
  /// The tensor before; `nil` when the base does not have it.
  var before: TensorSide? { get }
  /// The tensor after; `nil` when the result does not have it.
  var after: TensorSide? { get }
  /// Where its blocks are, if the change goes tile by tile.
  var tiles: TileBlocks? { get }

  /// The blocks that hold all data of a side, where the kind stores it whole.
  var stored: (base: Range<Int>?, result: Range<Int>?) { get }

  /// Reads the object's own fields, and bounds them; block ranges are read and checked by `TensorChange`.
  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError)
  /// What the object says between the tensor's form and its digests.
  var settings: [JSONValue.Member] { get }
  /// What it says after the block ranges.
  var notes: [JSONValue.Member] { get }
  /// Goes through the block ranges in the order of the payload, each with its name and what it must hold.
  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure)
  /// The change as one of the kinds.
  var kind: TensorChange.Kind { get }
}

extension ChangeKind {
  var features: PatchFeatures { [] }
  var tiles: TileBlocks? { nil }
  var stored: (base: Range<Int>?, result: Range<Int>?) { (nil, nil) }
  var settings: [JSONValue.Member] { [] }
  var notes: [JSONValue.Member] { [] }
}

/// What the blocks of a range must hold.
enum BlockContent {
  /// So many bytes, in full blocks and a shorter last one; `nil` when no file can hold that much.
  case bytes(Int?)
  /// A block of one coding for each tile.
  case tiles(Int, BlockCoding, isOptional: Bool = false)

  /// The leaves of both sides of so many tiles.
  static func leaves(_ tiles: Int) -> BlockContent { .bytes(product(tiles, 2 * Digest.byteCount)) }

  /// A product, `nil` beyond the largest number.
  static func product(_ factors: Int...) -> Int? {
    factors.reduce(Optional(1)) { total, factor in
      guard let (product, overflow) = total?.multipliedReportingOverflow(by: factor), !overflow else {
        return nil
      }
      return product
    }
  }

  /// Whether a range may be left out, or be empty.
  var isOptional: Bool { if case .tiles(_, _, isOptional: true) = self { true } else { false } }

  /// Whether these are such blocks.
  func isHeld(by blocks: ArraySlice<BlockInfo>) -> Bool {
    switch self {
    case .bytes(let count): count.map(blocks.hold) ?? false
    case .tiles(let count, let coding, _): blocks.count == count && blocks.allSatisfy { $0.coding == coding }
    }
  }
}

extension ArraySlice where Element == BlockInfo {
  /// Whether the blocks hold exactly so many bytes: full blocks, and a shorter last one.
  func hold(_ byteCount: Int) -> Bool {
    guard count == Tiling.count(byteCount) else { return false }
    return enumerated().allSatisfy { position, block in
      !block.coding.isRelative && block.decodedCount == Tiling.range(position, of: byteCount).count
    }
  }
}
