internal import ModelFiles

/// Computes tiles of one tensor in one direction and checks each against its leaf.
struct TileRunner: Sendable {
  private let run: PatchRun
  private let item: Int
  private let direction: PatchRun.Direction
  private let transform: TileTransform

  init(_ run: PatchRun, item: Int, _ direction: PatchRun.Direction) throws {
    self.run = run
    self.item = item
    self.direction = direction
    let change = run.items[item].change
    transform = TileTransform(try StoredFactors(change: change, patch: run.patch), change: change)
  }

  /// Reads a tile of the model, computes the other side and lends it out; the bytes are good until the next call.
  func compute(_ tile: Int, _ scratch: TileTransform.Scratch) throws -> UnsafeRawBufferPointer {
    let tensor = run.items[item].tensor
    let place = run.place(item, tile)
    let file = run.model.file(of: tensor)
    let input = UnsafeMutableRawBufferPointer(rebasing: scratch.input[..<place.count])
    let output = UnsafeMutableRawBufferPointer(rebasing: scratch.output[..<place.count])
    try file.read(into: input, at: place.lowerBound)
    let leaves = run.items[item].leaves[tile]
    switch direction {
    case .apply:
      transform.apply(tile, base: input.baseAddress!, edited: output.baseAddress!, scratch)
    case .revert:
      let choices = try run.patch.storedBytes(transform.change.blocks.choices.lowerBound + tile)
      guard
        let open = transform.estimateBase(tile, edited: input.baseAddress!, base: output.baseAddress!, scratch),
        transform.fill(open, choices: choices, base: output.baseAddress!)
      else { throw PatchError.choicesMismatch(file: run.patch.path, tensor: tensor.name, tile: tile) }
    }
    let result = UnsafeRawBufferPointer(output)
    guard Digest(of: result) == (direction == .apply ? leaves.result : leaves.base) else {
      throw PatchError.wrongResult(tensor: tensor.name, file: file.path, tile: tile)
    }
    return result
  }
}
