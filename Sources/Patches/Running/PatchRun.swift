internal import Floor
public import ModelFiles

/// A patch matched to a model: what there is to do, and what the model is now.
public struct PatchRun: Sendable {
  /// Which way.
  public enum Direction: String, Sendable {
    case apply
    case revert
  }

  /// One touched tensor with its place in the model.
  struct Item: Sendable {
    let change: TensorChange
    let tensor: TensorInfo
    /// Where the patch has what each tile needs.
    let blocks: TileBlocks
    /// For each tile: what it must be before and after, in the direction of apply.
    let leaves: [(base: Digest, result: Digest)]
  }

  /// The patch.
  public let patch: PatchFile
  /// The model.
  public let model: ModelFile
  /// Threads to use.
  public let threads: Int
  /// Tensors that change tile by tile.
  let items: [Item]
  /// Tensors that come, go, or change type or shape.
  let wholes: [TensorChange]
  /// Where each of `items` stands, by the tensor's name.
  let itemPlaces: [String: Int]
  /// Whether the files beside the weights are left as they are.
  public let weightsOnly: Bool
  /// Tiles in flight at once when files are changed in place.
  var windowTileCount = Journal.slotTiles
  /// What files are changed in place through.
  var disk: any Disk = SystemDisk()

  /// Matches every tensor of the patch to the model by name, type and shape.
  ///
  /// - Parameter weightsOnly: whether the files beside the weights that the patch carries are left out.
  public init(_ patch: PatchFile, _ model: ModelFile, threads: Int, weightsOnly: Bool = false) throws {
    self.weightsOnly = weightsOnly
    self.patch = patch
    self.model = model
    self.threads = threads
    wholes = patch.changes.filter { !$0.isTiled }
    items = try patch.changes.compactMap { change in
      guard let blocks = change.tiles else { return nil }
      guard model.holds(change.name) else {
        throw PatchError.tensorMissing(tensor: change.name, model: model.path)
      }
      let tensor = try model.tensor(change.name)
      guard TensorForm(tensor) == change.form else {
        throw PatchError.tensorMismatch(
          tensor: change.name, model: model.file(of: tensor).path, expected: change.form.description,
          found: TensorForm(tensor).description)
      }
      return Item(
        change: change, tensor: tensor, blocks: blocks, leaves: try patch.leaves(of: change, blocks))
    }
    itemPlaces = Dictionary(uniqueKeysWithValues: items.enumerated().map { ($1.change.name, $0) })
  }

  /// All tiles of all touched tensors, in the order of the patch.
  var tiles: [(item: Int, tile: Int)] {
    items.indices.flatMap { item in items[item].leaves.indices.map { (item, $0) } }
  }

  /// Bytes of the touched tensors.
  public var touchedByteCount: Int {
    items.reduce(0) { $0 + $1.tensor.byteCount } + wholes.reduce(0) { $0 + $1.form.byteCount }
  }

  /// Where a tile lies in its file.
  func place(_ item: Int, _ tile: Int) -> Range<Int> {
    let range = Tiling.range(tile, of: items[item].tensor.byteCount)
    let start = items[item].tensor.byteRange.lowerBound
    return start + range.lowerBound..<start + range.upperBound
  }
}
