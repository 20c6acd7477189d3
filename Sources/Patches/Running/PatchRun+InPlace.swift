internal import Floor
internal import LinearAlgebra
public import ModelFiles
internal import Synchronization

extension PatchRun {
  /// Changes the model's own files, under a journal.
  ///
  /// - Throws: the error of the first failed step, and the model is as before; or `InPlaceFailure`, which says what stands.
  public func changeInPlace(_ direction: Direction, progress: @Sendable (Int) -> Void = { _ in }) throws {
    guard !patch.changesLayout else { throw PatchError.needsNewFile(patch: patch.path) }
    let targets = try lockFiles()
    if let run = try InterruptedRun.all(on: model).first {
      throw run.damage ?? PatchError.interruptedRun(journal: run.journal, model: model.path)
    }
    try check(direction, progress: progress)
    let pending = tiles.filter {
      items[$0.item].leaves[$0.tile].base != items[$0.item].leaves[$0.tile].result
    }
    try requireOwnBeside()
    guard try !pending.isEmpty || !besideNotYet(direction).isEmpty else { return }
    let journal = try Journal(creatingFor: self, direction, tileCount: pending.count)
    do {
      try rewrite(pending, direction, targets, journal, progress: progress)
      try changeBeside(direction)
    } catch {
      do { try settle(journal, targets, toward: direction.opposite) } catch {
        throw InPlaceFailure(cause: error, aftermath: .betweenStates(journal: journal.path))
      }
      guard journal.withdraw(disk) else {
        throw InPlaceFailure(cause: error, aftermath: .journalStays(journal.path))
      }
      throw error
    }
    FileLedger.note(changed: model.path)
    finish(journal)
  }

  /// The end of a run that reached its goal: a journal that stays would only lead there again.
  private func finish(_ journal: Journal) {
    guard !journal.withdraw(disk) else { return }
    FilesUnderWay.setJournal(journal.path, isOpen: false)
    FileLedger.warn(
      .journalStays, journal.path, ModelFileError(.system(call: "unlink", code: 5), file: journal.path))
  }

  /// The weight files that a run in place takes, by number: those that change; where only files beside the weights do, the first.
  var changedShards: [Int] {
    let touched = Set(items.map(\.tensor.shard)).sorted()
    return touched.isEmpty ? [0] : touched
  }

  /// Opens every file that will change and takes it for this run.
  func lockFiles() throws -> [Int: OpenFile] {
    var targets: [Int: OpenFile] = [:]
    for shard in changedShards {
      let path = model.shards[shard].path
      let file: OpenFile
      do throws(ModelFileError) { file = try OpenFile(path, .updating) } catch {
        // Behind such a link the cache names the file by its bytes: naming the real file is no way out.
        if case .symbolicLink = error.reason, ModelFile.isInHubCache(path) {
          throw ModelFileError(.inHubCache, file: path)
        }
        throw error
      }
      try file.lock(exclusively: true)
      // Between opening the model and locking, another run may have put another file under the name.
      guard file.isSameFile(as: model.shards[shard]) else { throw ModelFileError(.locked, file: path) }
      guard !ModelFile.isInHubCache(path) else { throw ModelFileError(.inHubCache, file: path) }
      let links = try file.standing().links
      guard links == 1 else { throw ModelFileError(.hardLinked(count: links), file: path) }
      targets[shard] = file
    }
    return targets
  }

  /// Takes tiles to the other side, window by window.
  func rewrite(
    _ pending: [(item: Int, tile: Int)], _ direction: Direction, _ targets: [Int: OpenFile],
    _ journal: Journal, progress: @Sendable (Int) -> Void
  ) throws {
    var runners: [Int: TileRunner] = [:]
    for start in stride(from: 0, to: pending.count, by: windowTileCount) {
      let window = pending[start..<min(start + windowTileCount, pending.count)]
      try journal.save(window, of: self)
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
        try disk.write(bytes, to: target, at: place(item, tile).lowerBound)
        progress(bytes.count)
      }
      for target in targets.values { try disk.synchronize(target) }
    }
  }
}

extension PatchRun.Direction {
  /// The way back.
  var opposite: PatchRun.Direction { self == .apply ? .revert : .apply }
}
