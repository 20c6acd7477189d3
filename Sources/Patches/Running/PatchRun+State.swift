public import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

/// What one touched tensor is, seen from the patch.
public struct TensorState: Sendable {
  /// Full name.
  public let name: String
  /// The file that holds it.
  public let file: String
  /// Digest of its bytes now.
  public let digest: Digest
  /// What it is.
  public let state: ModelState
  /// Tiles that are as before the patch, and tiles that are as after; a tile the patch does not change is both.
  public let baseTiles: Int
  /// Tiles that are as after the patch.
  public let editedTiles: Int
  /// All tiles.
  public let tileCount: Int
}

extension PatchRun {
  /// Hashes every touched tensor and compares; one state for each change, in the order of the patch.
  ///
  /// - Parameter progress: called with bytes done, from several threads.
  public func examine(progress: @Sendable (Int) -> Void = { _ in }) throws -> [TensorState] {
    var leaves = try leaves(progress: progress)[...]
    var states: [String: TensorState] = [:]
    for change in wholes { states[change.name] = try examine(change) }
    for item in items {
      let own = Array(leaves.prefix(item.leaves.count))
      leaves = leaves.dropFirst(item.leaves.count)
      let isBase = zip(own, item.leaves).map { $0 == $1.base }
      let isEdited = zip(own, item.leaves).map { $0 == $1.result }
      let state: ModelState =
        if isBase.allSatisfy({ $0 }) {
          .base
        } else if isEdited.allSatisfy({ $0 }) {
          .edited
        } else if zip(isBase, isEdited).allSatisfy({ $0 || $1 }) {
          .partial
        } else {
          .other
        }
      states[item.change.name] = TensorState(
        name: item.change.name, file: model.file(of: item.tensor).path, digest: Digest(leaves: own),
        state: state,
        baseTiles: isBase.count { $0 }, editedTiles: isEdited.count { $0 }, tileCount: own.count)
    }
    return patch.changes.compactMap { states[$0.name] }
  }

  /// The digest of every tile as it is now, in the order of `tiles`.
  func leaves(progress: @Sendable (Int) -> Void = { _ in }) throws -> [Digest] {
    let tiles = tiles
    let found = Mutex([Digest?](repeating: nil, count: tiles.count))
    try parallelFor(tiles.count, width: threads, state: { TileBuffer() }) { index, buffer in
      let (item, tile) = tiles[index]
      let place = place(item, tile)
      let bytes = buffer.bytes(place.count)
      try model.file(of: items[item].tensor).read(into: bytes, at: place.lowerBound)
      let leaf = Digest(of: UnsafeRawBufferPointer(bytes))
      found.withLock { $0[index] = leaf }
      progress(place.count)
    }
    return found.withLock { $0.compactMap { $0 } }
  }

  /// The state of a tensor that comes, goes or is replaced: by its form first, then by its digest.
  private func examine(_ change: TensorChange) throws -> TensorState {
    func state(_ state: ModelState, _ digest: Digest, file: String) -> TensorState {
      TensorState(
        name: change.name, file: file, digest: digest, state: state, baseTiles: state == .base ? 1 : 0,
        editedTiles: state == .edited ? 1 : 0, tileCount: 1)
    }
    guard model.contains(change.name) else {
      let isAbsent: ModelState = change.before == nil ? .base : change.after == nil ? .edited : .other
      return state(isAbsent, Digest(leaves: []), file: model.path)
    }
    let tensor = try model.tensor(change.name)
    let file = model.file(of: tensor)
    let digest = try Digest(of: tensor, in: file, threads: threads)
    let found = TensorSide(form: TensorForm(tensor), digest: digest)
    if found == change.before { return state(.base, digest, file: file.path) }
    return state(found == change.after ? .edited : .other, digest, file: file.path)
  }

  /// The state of the whole model: that of all tensors if they agree, else partial, or other if one is other.
  public func summary(of states: [TensorState]) -> ModelState {
    // A tensor that the patch leaves as it is counts as base; it must not make an edited model look half done.
    let deciding = zip(patch.changes, states).filter {
      $0.baseDigest != $0.resultDigest || $1.state == .other
    }
    let kinds = Set(deciding.map(\.1.state))
    if kinds.contains(.other) { return .other }
    if kinds.count > 1 { return .partial }
    return kinds.first ?? .base
  }

  /// Everything that must hold before a byte is written: the patch is whole, the model is what it starts from.
  public func check(_ direction: Direction, progress: @Sendable (Int) -> Void = { _ in }) throws {
    try patch.checkBlocks(threads: threads)
    try requireSource(of: direction, progress: progress)
    try requireBeside(of: direction)
    try checkBothSides()
  }

  /// Demands that every touched tensor is what the direction starts from.
  public func requireSource(of direction: Direction, progress: @Sendable (Int) -> Void = { _ in }) throws {
    let states = try examine(progress: progress)
    let wanted: ModelState = direction == .apply ? .base : .edited
    for (change, state) in zip(patch.changes, states) where state.state != wanted {
      let expected = direction == .apply ? change.baseDigest : change.resultDigest
      if change.isTiled, state.digest == expected { continue }
      throw PatchError.wrongBase(
        tensor: state.name, file: state.file, expected: expected, found: state.digest,
        state: summary(of: states))
    }
  }
}

extension Digest {
  /// The digest of a tensor's bytes in a file.
  init(of tensor: TensorInfo, in file: OpenFile, threads: Int) throws {
    let tiles = Tiling.count(tensor.byteCount)
    let found = Mutex([Digest?](repeating: nil, count: tiles))
    try parallelFor(tiles, width: threads, state: { TileBuffer() }) { tile, buffer in
      let range = Tiling.range(tile, of: tensor.byteCount)
      let bytes = buffer.bytes(range.count)
      try file.read(into: bytes, at: tensor.byteRange.lowerBound + range.lowerBound)
      let leaf = Digest(of: UnsafeRawBufferPointer(bytes))
      found.withLock { $0[tile] = leaf }
    }
    self.init(leaves: found.withLock { $0.compactMap { $0 } })
  }
}

/// One thread's tile.
final class TileBuffer {
  private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: Tiling.byteCount, alignment: 64)
  deinit { storage.deallocate() }

  /// The first bytes of the buffer.
  func bytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: storage[..<count])
  }
}
