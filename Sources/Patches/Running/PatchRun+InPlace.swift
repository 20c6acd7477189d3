internal import Floor
internal import LinearAlgebra
public import ModelFiles
internal import Synchronization

/// Moments of an in-place run, named so that tests can stop a run at each of them.
enum RunStep: Sendable {
  case checked
  case journalWritten
  case windowSaved
  case halfTileWritten
  case tileWritten
  case windowDone
  case fileReplaced
  case savedTilesRestored
  case allDone
}

/// Thrown by a test's observer in place of a kill: no cleaning up may follow.
struct SimulatedKill: Error {}

extension PatchRun {
  /// Changes the model's own files, under a journal.
  ///
  /// - Throws: the error of the first failed step; the model is then as before, or, when even going back failed,
  ///   `rollBackFailed`, and the journal stays for `recover`.
  public func changeInPlace(_ direction: Direction, progress: @Sendable (Int) -> Void = { _ in }) throws {
    try changeInPlace(direction, progress: progress, observe: { _ in })
  }

  func changeInPlace(
    _ direction: Direction, progress: @Sendable (Int) -> Void, observe: @Sendable (RunStep) throws -> Void
  ) throws {
    guard !patch.changesLayout else { throw PatchError.needsNewFile(patch: patch.path) }
    let targets = try lockFiles()
    try check(direction, progress: progress)
    try observe(.checked)
    let pending = tiles.filter {
      items[$0.item].leaves[$0.tile].base != items[$0.item].leaves[$0.tile].result
    }
    try requireOwnBeside()
    guard try !pending.isEmpty || !besideNotYet(direction).isEmpty else { return }
    let journal = try Journal(creatingFor: self, direction, tileCount: pending.count)
    do {
      try observe(.journalWritten)
      try rewrite(pending, direction, targets, journal, progress: progress, observe: observe)
      try changeBeside(direction, observe: observe)
      try observe(.allDone)
    } catch let error as SimulatedKill {
      throw error
    } catch {
      do { try settle(journal, targets, toward: direction.opposite, observe: { _ in }) } catch {
        throw PatchError.rollBackFailed(journal: journal.path)
      }
      throw error
    }
    try journal.remove()
  }

  /// Opens every file that will change and takes it for this run.
  private func lockFiles() throws -> [Int: OpenFile] {
    var targets: [Int: OpenFile] = [:]
    for shard in Set(items.map(\.tensor.shard)).sorted() {
      let file = try OpenFile(model.shards[shard].path, .updating)
      try file.lock(exclusively: true)
      // Between opening the model and locking, another run may have put another file under the name.
      guard file.isSameFile(as: model.shards[shard]) else { throw ModelFileError(.locked, file: file.path) }
      targets[shard] = file
    }
    return targets
  }

  /// Takes tiles to the other side, window by window.
  private func rewrite(
    _ pending: [(item: Int, tile: Int)], _ direction: Direction, _ targets: [Int: OpenFile],
    _ journal: Journal,
    progress: @Sendable (Int) -> Void, observe: @Sendable (RunStep) throws -> Void
  ) throws {
    var runners: [Int: TileRunner] = [:]
    for start in stride(from: 0, to: pending.count, by: windowTileCount) {
      let window = pending[start..<min(start + windowTileCount, pending.count)]
      try journal.save(window, of: self)
      try observe(.windowSaved)
      let needed = Set(window.map(\.item))
      runners = runners.filter { needed.contains($0.key) }
      for item in needed where runners[item] == nil {
        runners[item] = try TileRunner(self, item: item, direction, provesReturn: true)
      }
      let ready = runners
      try parallelFor(window.count, width: threads, state: { TileTransform.Scratch() }) { index, scratch in
        let (item, tile) = window[start + index]
        guard let runner = ready[item], let target = targets[items[item].tensor.shard] else {
          preconditionFailure("every tensor of the window has a runner and an open file")
        }
        let bytes = try runner.compute(tile, scratch)
        let place = place(item, tile)
        let half = bytes.count / 2
        try target.write(UnsafeRawBufferPointer(rebasing: bytes[..<half]), at: place.lowerBound)
        try observe(.halfTileWritten)
        try target.write(UnsafeRawBufferPointer(rebasing: bytes[half...]), at: place.lowerBound + half)
        try observe(.tileWritten)
        progress(bytes.count)
      }
      for target in targets.values { try target.synchronize() }
      try observe(.windowDone)
    }
  }

  /// Brings a model that stands between two states to one of them and removes the journal.
  private func settle(
    _ journal: Journal, _ targets: [Int: OpenFile], toward direction: Direction,
    observe: @Sendable (RunStep) throws -> Void
  ) throws {
    try journal.savedTiles(of: self) { item, tile, bytes in
      try targets[items[item].tensor.shard]?.write(bytes, at: place(item, tile).lowerBound)
    }
    for target in targets.values { try target.synchronize() }
    try observe(.savedTilesRestored)
    let states = try examine()
    for (change, state) in zip(patch.changes, states) where state.state == .other {
      throw PatchError.wrongBase(
        tensor: state.name, file: state.file, expected: change.baseDigest, found: state.digest,
        state: .other)
    }
    let pending = try tilesNotYet(direction)
    try rewrite(pending, direction, targets, journal, progress: { _ in }, observe: observe)
    try changeBeside(direction, observe: observe)
    try observe(.allDone)
    try journal.remove()
  }

  /// Tiles that are not what the direction leads to.
  private func tilesNotYet(_ direction: Direction) throws -> [(item: Int, tile: Int)] {
    let all = tiles
    let isPending = Mutex([Bool](repeating: false, count: all.count))
    try parallelFor(all.count, width: threads, state: { TileBuffer() }) { index, buffer in
      let (item, tile) = all[index]
      let place = place(item, tile)
      let bytes = buffer.bytes(place.count)
      try model.file(of: items[item].tensor).read(into: bytes, at: place.lowerBound)
      let leaves = items[item].leaves[tile]
      let isThere =
        Digest(of: UnsafeRawBufferPointer(bytes)) == (direction == .apply ? leaves.result : leaves.base)
      isPending.withLock { $0[index] = !isThere }
    }
    return isPending.withLock { flags in zip(all, flags).filter(\.1).map(\.0) }
  }

  /// A run that was cut off, and what became of it.
  public struct Recovery: Sendable {
    /// The journal that was found.
    public let journal: String
    /// What the run was doing.
    public let direction: Direction
    /// Whether its work was finished; else it was undone.
    public let isCompleted: Bool
  }

  /// Finishes or undoes interrupted runs on this model, if there are any.
  ///
  /// - Throws: `locked` while such a run is still alive.
  public static func recover(_ model: ModelFile, rollingBack: Bool = false, threads: Int) throws -> [Recovery]
  {
    try recover(model, rollingBack: rollingBack, threads: threads, observe: { _ in })
  }

  static func recover(
    _ model: ModelFile, rollingBack: Bool, threads: Int, windowTileCount: Int = Journal.slotTiles,
    observe: @Sendable (RunStep) throws -> Void
  ) throws -> [Recovery] {
    let mine = Set(model.shards.map { Folder.name(of: $0.path) })
    var recoveries: [Recovery] = []
    for name in try Folder.names(in: model.folder) where name.hasSuffix(Journal.suffix) {
      let path = Folder.path(model.folder, name)
      let journal: Journal
      do { journal = try Journal(opening: path) } catch let error as ModelFileError {
        // The run may have ended between our listing and opening.
        if case .system(_, let code) = error.reason, code == 2 { continue }
        throw error
      } catch PatchError.damagedJournal where !mine.contains(String(name.dropLast(Journal.suffix.count))) {
        // Another model's, which stands in the same folder.
        continue
      }
      guard !mine.isDisjoint(with: journal.files) else { continue }
      // The run may have been on more files than were asked about: it is settled as a whole.
      let whole = try ModelFile(Folder.path(model.folder, journal.modelName))
      var run = try PatchRun(journal.patch, whole, threads: threads)
      run.windowTileCount = windowTileCount
      let targets = try run.lockFiles()
      guard Folder.occupied(path) else { continue }
      try run.settle(
        journal, targets, toward: rollingBack ? journal.direction.opposite : journal.direction,
        observe: observe)
      recoveries.append(Recovery(journal: path, direction: journal.direction, isCompleted: !rollingBack))
    }
    return recoveries
  }
}

extension PatchRun.Direction {
  /// The way back.
  var opposite: PatchRun.Direction { self == .apply ? .revert : .apply }
}
