internal import Floor
internal import Glibc
internal import Kernels
internal import ModelFiles

/// Computes tiles of one tensor in one direction and checks each against its leaf.
struct TileRunner: Sendable {
  private let run: PatchRun
  private let item: Int
  private let direction: PatchRun.Direction
  /// What factors or a gain make of a tile.
  private let transform: TileTransform?
  /// Whether each tile is also taken back in memory before it is lent out: what is made can be taken back, whoever wrote the
  /// patch. Where it will stand over the model itself, a way back that leads elsewhere would be the model's end.
  private let provesReturn: Bool

  init(
    _ run: PatchRun, item: Int, _ direction: PatchRun.Direction, provesReturn: Bool = false
  ) throws {
    self.run = run
    self.item = item
    self.direction = direction
    self.provesReturn = provesReturn
    transform = try TileTransform(run.items[item].change, of: run.patch)
  }

  private var change: TensorChange { run.items[item].change }

  /// Reads a tile of the model, computes the other side and lends it out; the bytes are good until the next call.
  func compute(_ tile: Int, _ scratch: TileTransform.Scratch) throws -> UnsafeRawBufferPointer {
    let tensor = run.items[item].tensor
    let place = run.place(item, tile)
    let file = run.model.file(of: tensor)
    let input = UnsafeMutableRawBufferPointer(rebasing: scratch.input[..<place.count])
    try file.read(into: input, at: place.lowerBound)
    return try computeInput(tile, scratch)
  }

  /// Computes the other side of bytes that are not the model's present ones; the result is good until the next call.
  func compute(
    _ tile: Int, of bytes: [UInt8], _ scratch: TileTransform.Scratch
  ) throws -> UnsafeRawBufferPointer {
    bytes.withUnsafeBytes { scratch.input.copyMemory(from: $0) }
    return try computeInput(tile, scratch)
  }

  /// Computes the other side of what lies in the input buffer.
  private func computeInput(_ tile: Int, _ scratch: TileTransform.Scratch) throws -> UnsafeRawBufferPointer {
    let tensor = run.items[item].tensor
    let place = run.place(item, tile)
    let file = run.model.file(of: tensor)
    let input = UnsafeMutableRawBufferPointer(rebasing: scratch.input[..<place.count])
    let output = UnsafeMutableRawBufferPointer(rebasing: scratch.output[..<place.count])
    let leaves = run.items[item].leaves[tile]
    guard leaves.base != leaves.result else {
      output.copyMemory(from: UnsafeRawBufferPointer(input))
      return UnsafeRawBufferPointer(output)
    }
    func there() throws {
      try compute(tile, direction, from: input, to: output, scratch)
      guard Digest(of: UnsafeRawBufferPointer(output)) == (direction == .apply ? leaves.result : leaves.base)
      else { throw PatchError.wrongResult(tensor: tensor.name, file: file.path, tile: tile) }
    }
    guard provesReturn else {
      try there()
      return UnsafeRawBufferPointer(output)
    }
    // Both ways add the same sums.
    try scratch.sums.keepingSums {
      try there()
      let back = UnsafeMutableRawBufferPointer(rebasing: scratch.back[..<place.count])
      try compute(tile, direction.opposite, from: output, to: back, scratch)
      guard memcmp(back.baseAddress!, input.baseAddress!, place.count) == 0 else {
        throw PatchError.wrongResult(tensor: tensor.name, file: file.path, tile: tile)
      }
    }
    return UnsafeRawBufferPointer(output)
  }

  /// Computes one side of a tile from the other.
  private func compute(
    _ tile: Int, _ direction: PatchRun.Direction, from input: UnsafeMutableRawBufferPointer,
    to output: UnsafeMutableRawBufferPointer, _ scratch: TileTransform.Scratch
  ) throws {
    guard let transform else { return try addDifference(tile, direction, from: input, to: output, scratch) }
    let blocks = run.items[item].blocks
    let middle =
      blocks.differences.isEmpty
      ? nil : UnsafeMutableRawBufferPointer(rebasing: scratch.middle[..<input.count])
    switch direction {
    case .apply:
      transform.apply(tile, base: input.baseAddress!, edited: (middle ?? output).baseAddress!, scratch)
      if let middle { try addDifference(tile, direction, from: middle, to: output, scratch) }
    case .revert:
      if let middle { try addDifference(tile, direction, from: input, to: middle, scratch) }
      guard let first = blocks.choices?.lowerBound else {
        preconditionFailure("a change that has a function has choices")
      }
      let choices = try run.patch.storedBytes(first + tile)
      guard
        let open = transform.estimateBase(
          tile, edited: (middle ?? input).baseAddress!, base: output.baseAddress!, scratch),
        transform.fill(open, choices: choices, base: output.baseAddress!)
      else { throw PatchError.choicesMismatch(file: run.patch.path, tensor: change.name, tile: tile) }
    }
  }

  private func addDifference(
    _ tile: Int, _ direction: PatchRun.Direction, from source: UnsafeMutableRawBufferPointer,
    to target: UnsafeMutableRawBufferPointer, _ scratch: TileTransform.Scratch
  ) throws {
    let block = run.items[item].blocks.differences.lowerBound + tile
    let kind = change.elementType.order
    let width = Int(kind.width)
    guard
      DifferenceBlock.add(
        kind, try run.patch.storedBytes(block), isForward: direction == .apply, source: source.baseAddress!,
        target: target.baseAddress!, count: source.count / width, first: tile * Tiling.byteCount / width,
        scratch.coder)
    else { throw PatchError.blockDecoding(file: run.patch.path, block: block) }
  }
}
