public import Floor
public import ModelFiles

/// An in-place run on a model that was cut off, as its journal tells; or a journal that cannot be used.
public struct InterruptedRun: Sendable {
  /// The journal.
  public let journal: String
  /// What the run was doing; `nil` where the journal cannot be read.
  public let direction: PatchRun.Direction?
  /// Digest of the patch that it was on; `nil` where the journal cannot be read.
  public let patch: Digest?
  /// Why the journal cannot be used.
  public let damage: PatchError?
  /// Whether it is over and only its journal was left, which does no harm.
  let isClosed: Bool
  /// Names of the files that it may have changed.
  let files: [String]
  /// The model's name in its folder.
  let modelName: String?

  /// The model that it was on; `nil` where the journal cannot be read.
  public var modelPath: String? { modelName.map { Folder.path(Folder.containing(journal), $0) } }

  /// Whether a model that a patch does not know, tile by tile, is what this run of the patch left: torn where it was cut off.
  public func explains(_ run: PatchRun) throws -> Bool {
    guard damage == nil, patch == run.patch.digest,
      let journal = try? Journal(opening: journal, .inspecting)
    else { return false }
    return (try? run.tornTiles(journal))?.isEmpty == false
  }

  /// The runs on a model that no longer live, if its files are locked, or may still live, if they are not. Only looks.
  public static func all(on model: ModelFile) throws -> [InterruptedRun] {
    let mine = Set(model.shards.map { Folder.name(of: $0.path) })
    return try all(in: model.folder, candidates: mine).filter {
      !$0.isClosed && !mine.isDisjoint(with: $0.files)
    }
  }

  /// All in a folder. Only looks.
  public static func all(in folder: String) throws -> [InterruptedRun] {
    try all(in: folder, candidates: []).filter { !$0.isClosed }
  }

  /// Removes journals of runs on a model that are over; what the system refuses stays, and does no harm.
  ///
  /// - Returns: those that were there.
  @discardableResult
  public static func removeClosed(on model: ModelFile) throws -> [String] {
    try closedJournals(on: model).filter { path in
      do throws(ModelFileError) { try Folder.removeFile(path) } catch {
        if case .system(_, 2) = error.reason { return false }
        FileLedger.warn(.journalStays, path, error)
        return false
      }
      return true
    }
  }

  /// Journals of runs on a model that are over, which only were not taken away any more. Only looks.
  public static func closedJournals(on model: ModelFile) throws -> [String] {
    let mine = Set(model.shards.map { Folder.name(of: $0.path) })
    return try all(in: model.folder, candidates: mine).filter {
      $0.isClosed && !mine.isDisjoint(with: $0.files)
    }.map(\.journal)
  }

  private static func all(in folder: String, candidates: Set<String>) throws -> [InterruptedRun] {
    var names: [String]
    do throws(ModelFileError) {
      names = try Folder.names(in: folder).filter { $0.hasSuffix(Journal.suffix) }
    } catch {
      // A folder whose names are not for us to read: ask for those that would matter.
      names = candidates.map { Journal.name(of: [$0]) }.filter { Folder.occupied(Folder.path(folder, $0)) }
    }
    return try names.compactMap { name in
      let path = Folder.path(folder, name)
      do {
        let journal = try Journal(opening: path, .inspecting)
        let own = Journal.name(of: journal.note.files)
        // A model that was renamed together with it would else be one without an interrupted run.
        guard own == name || journal.isClosed else {
          let detail =
            "it is of \(journal.note.files[0]); if model and journal were renamed, give both their names back"
          return unusable(path, name, candidates, .damagedJournal(path: path, detail: detail))
        }
        return InterruptedRun(
          journal: path, direction: journal.note.direction, patch: journal.patch.digest, damage: nil,
          isClosed: journal.isClosed, files: journal.note.files, modelName: journal.note.modelName)
      } catch let error as ModelFileError {
        // The run may have ended between our listing and opening.
        if case .system(_, let code) = error.reason, code == 2 { return nil }
        return unusable(path, name, candidates, .unreadableJournal(path: path, error))
      } catch let error as PatchError {
        return unusable(path, name, candidates, error)
      }
    }
  }

  /// A journal that cannot be read is the model's whose file it is called after.
  private static func unusable(
    _ path: String, _ name: String, _ candidates: Set<String>, _ error: PatchError
  ) -> InterruptedRun {
    InterruptedRun(
      journal: path, direction: nil, patch: nil, damage: error, isClosed: false,
      files: candidates.filter { Journal.name(of: [$0]) == name }.sorted(), modelName: nil)
  }

  /// Removes the journal and leaves the model as it is: for a journal that is damaged, or of other files than these.
  ///
  /// - Throws: `locked` while the run is alive.
  public func discard() throws(ModelFileError) {
    let folder = Folder.containing(journal)
    var held: [OpenFile] = []
    for name in files where Folder.isPlainFile(Folder.path(folder, name)) {
      let file = try OpenFile(Folder.path(folder, name), .inspecting)
      try file.lock(exclusively: true)
      held.append(file)
    }
    try withExtendedLifetime(held) { () throws(ModelFileError) in try Folder.removeFile(journal) }
    try Folder.synchronize(folder)
  }
}
