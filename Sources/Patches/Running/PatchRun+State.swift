internal import Glibc
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
  /// Hashes every touched tensor and compares.
  ///
  /// - Parameter progress: called with bytes done, from several threads.
  public func examine(progress: @Sendable (Int) -> Void = { _ in }) throws -> [TensorState] {
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
    var leaves = found.withLock { $0.compactMap { $0 } }[...]
    return items.map { item in
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
      return TensorState(
        name: item.change.name, file: model.file(of: item.tensor).path, digest: Digest(leaves: own), state: state,
        baseTiles: isBase.count { $0 }, editedTiles: isEdited.count { $0 }, tileCount: own.count)
    }
  }

  /// The state of the whole model: that of all tensors if they agree, else partial, or other if one is other.
  public func summary(of states: [TensorState]) -> ModelState {
    // A tensor that the patch leaves as it is counts as base; it must not make an edited model look half done.
    let deciding = zip(items, states).filter { $0.change.baseDigest != $0.change.resultDigest || $1.state == .other }
    let kinds = Set(deciding.map(\.1.state))
    if kinds.contains(.other) { return .other }
    if kinds.count > 1 { return .partial }
    return kinds.first ?? .base
  }

  /// Demands that every touched tensor is what the direction starts from.
  public func requireSource(of direction: Direction, progress: @Sendable (Int) -> Void = { _ in }) throws {
    let states = try examine(progress: progress)
    let wanted: ModelState = direction == .apply ? .base : .edited
    for (item, state) in zip(items, states) where state.state != wanted {
      let expected = direction == .apply ? item.change.baseDigest : item.change.resultDigest
      if state.digest == expected { continue }
      throw PatchError.wrongBase(
        tensor: state.name, file: state.file, expected: expected, found: state.digest, state: summary(of: states))
    }
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
