internal import Floor
internal import Glibc
internal import LinearAlgebra
public import ModelFiles
internal import Synchronization

extension PatchRun {
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
  /// - Parameter sameFilesOnly: refuse where the files are not those that the run was on but copies, or others of their
  ///   names. What is done beside something else must not be done to a model that was put there since.
  /// - Throws: before anything is written: `locked` while such a run is still alive, `damagedJournal`,
  ///   `journalOfOtherOwner`, `journalOfOtherFiles`, `foreignTile`, `foreignFile`. After that: `InPlaceFailure`.
  public static func recover(
    _ model: ModelFile, rollingBack: Bool = false, sameFilesOnly: Bool = false, threads: Int
  ) throws -> [Recovery] {
    try recover(model, rollingBack: rollingBack, sameFilesOnly: sameFilesOnly, threads: threads) { $0 }
  }

  /// - Parameter adjust: changes a run before it is settled; a test's disk comes in here.
  static func recover(
    _ model: ModelFile, rollingBack: Bool, sameFilesOnly: Bool = false, threads: Int,
    adjust: (PatchRun) -> PatchRun
  ) throws -> [Recovery] {
    var recoveries: [Recovery] = []
    for found in try InterruptedRun.all(on: model) {
      if let damage = found.damage { throw damage }
      let journal: Journal
      do { journal = try Journal(opening: found.journal, .updating) } catch let error as ModelFileError {
        if case .system(_, let code) = error.reason, code == 2 { continue }
        throw error
      }
      let run = adjust(try PatchRun(of: journal, threads: threads))
      let targets = try run.lockFiles()
      // Another recovery may have been faster, and another run may have begun since.
      guard let now = try OpenFile.ifPresent(journal.path, .inspecting), now.isSameFile(as: journal.file)
      else {
        continue
      }
      try journal.requireOwner(of: Array(targets.values))
      if sameFilesOnly, !journal.note.isOf(filesIn: model.folder) {
        throw PatchError.journalOfOtherFiles(journal: journal.path)
      }
      let direction = journal.note.direction
      let torn = try run.tornTiles(journal)
      try run.requireKnownBeside(journal)
      FilesUnderWay.setJournal(journal.path, isOpen: true)
      do {
        try run.settle(journal, targets, toward: rollingBack ? direction.opposite : direction, torn: torn)
      } catch { throw InPlaceFailure(cause: error, aftermath: .betweenStates(journal: journal.path)) }
      FileLedger.note(changed: model.path)
      if !journal.withdraw(run.disk) {
        throw InPlaceFailure(
          cause: ModelFileError(.system(call: "unlink", code: 5), file: journal.path),
          aftermath: .journalStays(journal.path))
      }
      recoveries.append(Recovery(journal: journal.path, direction: direction, isCompleted: !rollingBack))
    }
    try InterruptedRun.removeClosed(on: model)
    return recoveries
  }

  /// The run of a journal, on the model that it names in its own folder.
  init(of journal: Journal, threads: Int) throws {
    let folder = Folder.containing(journal.path)
    // A name that leads elsewhere, by a link or into a folder, is not followed.
    for name in journal.note.files + [journal.note.modelName]
    where !Folder.isPlainFile(Folder.path(folder, name)) {
      throw PatchError.damagedJournal(
        path: journal.path, detail: "what it calls \(name) is not an ordinary file beside it")
    }
    let whole = try ModelFile(Folder.path(folder, journal.note.modelName))
    do {
      try self.init(journal.patch, whole, threads: threads, weightsOnly: journal.note.weightsOnly)
    } catch let error as PatchError {
      switch error {
      case .tensorMissing(let tensor, let file), .tensorMismatch(let tensor, let file, _, _):
        throw PatchError.foreignTile(journal: journal.path, file: file, tensor: tensor, tile: nil)
      default: throw error
      }
    }
    let touched = Set(changedShards.map { Folder.name(of: model.shards[$0].path) })
    guard touched == Set(journal.note.files) else {
      throw PatchError.damagedJournal(
        path: journal.path, detail: "it names other files than its patch changes")
    }
  }

  /// Brings a model that stands between two states to one of them.
  func settle(
    _ journal: Journal, _ targets: [Int: OpenFile], toward direction: Direction, torn: Set<TilePlace>? = nil
  ) throws {
    let torn = try torn ?? tornTiles(journal)
    if !torn.isEmpty {
      try journal.savedTiles(of: self) { item, tile, bytes in
        guard torn.contains(TilePlace(item: item, tile: tile)), let target = targets[items[item].tensor.shard]
        else { return }
        try disk.write(bytes, to: target, at: place(item, tile).lowerBound)
      }
      for target in targets.values { try disk.synchronize(target) }
    }
    let goal = try leaves().enumerated().filter { index, leaf in
      let wanted = items[tiles[index].item].leaves[tiles[index].tile]
      return leaf != (direction == .apply ? wanted.result : wanted.base)
    }
    let all = tiles
    try rewrite(goal.map { all[$0.offset] }, direction, targets, journal, progress: { _ in })
    try changeBeside(direction)
  }

  /// A tile of a touched tensor.
  struct TilePlace: Hashable {
    let item: Int
    let tile: Int
  }

  /// The tiles that were cut off while they were written: each byte is the old one or the new one, and the slot has the old ones.
  ///
  /// - Throws: `foreignTile` when some tile is neither as before the run, nor as after it, nor between the two: somebody
  ///   has changed the file since, and nothing of it may be written over.
  func tornTiles(_ journal: Journal) throws -> Set<TilePlace> {
    let all = tiles
    var strange: Set<TilePlace> = []
    for (index, leaf) in try leaves().enumerated() {
      let (item, tile) = all[index]
      let known = items[item].leaves[tile]
      if leaf != known.base, leaf != known.result { strange.insert(TilePlace(item: item, tile: tile)) }
    }
    guard !strange.isEmpty else { return [] }
    var torn: Set<TilePlace> = []
    var runners: [Int: [TileRunner]] = [:]
    let scratch = TileTransform.Scratch()
    try journal.savedTiles(of: self) { item, tile, saved in
      let spot = TilePlace(item: item, tile: tile)
      guard strange.contains(spot) else { return }
      if runners[item] == nil {
        runners = [
          item: [try TileRunner(self, item: item, .apply), try TileRunner(self, item: item, .revert)]
        ]
      }
      let isBase = Digest(of: saved) == items[item].leaves[tile].base
      let other = try runners[item]![isBase ? 0 : 1].compute(tile, of: saved, scratch)
      let present = try model.file(of: items[item].tensor).read(saved.count, at: place(item, tile).lowerBound)
      let isBetween = present.withUnsafeBytes { present in
        saved.withUnsafeBytes { saved in
          isMixture(present, of: saved, other)
        }
      }
      if isBetween { torn.insert(spot) }
    }
    if let foreign = strange.subtracting(torn).min(by: { ($0.item, $0.tile) < ($1.item, $1.tile) }) {
      let tensor = items[foreign.item].tensor
      throw PatchError.foreignTile(
        journal: journal.path, file: model.file(of: tensor).path, tensor: tensor.name, tile: foreign.tile)
    }
    return torn
  }
}

/// Whether each byte is that of one side or of the other; all three are as long. Nearly all stretches are one side's as a whole.
private func isMixture(
  _ bytes: UnsafeRawBufferPointer, of first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
) -> Bool {
  stride(from: 0, to: bytes.count, by: 4096).allSatisfy { start in
    let stretch = start..<min(start + 4096, bytes.count)
    func isAll(of side: UnsafeRawBufferPointer) -> Bool {
      // SAFETY: the stretch is not empty, so there are base addresses; slices check their ranges.
      memcmp(
        UnsafeRawBufferPointer(rebasing: bytes[stretch]).baseAddress!,
        UnsafeRawBufferPointer(rebasing: side[stretch]).baseAddress!, stretch.count) == 0
    }
    return isAll(of: first) || isAll(of: second)
      || stretch.allSatisfy { bytes[$0] == first[$0] || bytes[$0] == second[$0] }
  }
}

extension Journal {
  /// Refuses a journal that neither this user, nor who owns the model, nor root has written.
  fileprivate func requireOwner(of targets: [OpenFile]) throws {
    let owner = try file.standing().owner
    let owners = try targets.map { try $0.standing().owner }
    guard owner == 0 || owner == OpenFile.currentUser || owners.allSatisfy({ $0 == owner }) else {
      throw PatchError.journalOfOtherOwner(journal: path, owner: owner)
    }
  }
}
