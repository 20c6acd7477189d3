internal import Floor
internal import ModelFiles

/// What an in-place run writes down before it changes anything, so that a kill or a power cut loses nothing.
///
/// A journal stands beside the model while a run is under way. It holds a copy of the patch and a slot for the old bytes
/// of the tiles in flight. Order makes it safe: old bytes reach the disk before the model's tiles are touched, and the
/// tiles reach the disk before the slot is used again. So after a cut every tile is whole (old or new, told by its leaf)
/// or has its old bytes in the slot.
///
///     0   magic, 8 bytes; its last byte is "1" while the run is open, "0" when it is over
///     8   lengths of note and patch, 8 bytes each
///     24  SHA-256 of the note
///     56  note, JSON: `JournalNote`; then the patch
///     …   at the next multiple of 4096, the slot: number of tiles; item and tile number of each; the tiles
///
/// A run that is over closes its journal before it removes it: a journal that cannot be removed, or comes back after a power
/// cut, does not bring the run back.
struct Journal {
  static let suffix = ".errata-journal"
  private static let magic = Array("ERRATAJ1".utf8)
  private static let closed = Array("ERRATAJ0".utf8)
  private static let noteOffset = 56
  private static let noteLimit = 1 << 24
  /// Tiles in flight at once: few waits for the disk, and never more room than this.
  static let slotTiles = 256
  private static let slotHeader = 4096

  let path: String
  let file: OpenFile
  let note: JournalNote
  let patch: PatchFile
  /// Whether the run is over and only the file was left.
  let isClosed: Bool
  private let slotOffset: Int

  /// The name of the journal of a run on these files.
  static func name(of files: [String]) -> String { Folder.fitting(files[0], suffix: suffix) }

  /// Writes a journal for a run and waits until it is on the disk.
  ///
  /// - Throws: when there is no journal; `InPlaceFailure` when there is one that could not be taken back.
  init(creatingFor run: PatchRun, _ direction: PatchRun.Direction, tileCount: Int) throws {
    let (disk, model) = (run.disk, run.model)
    note = try JournalNote(run, direction)
    path = Folder.path(model.folder, Journal.name(of: note.files))
    isClosed = false
    let text = Array(note.json.compactText.utf8)
    let front =
      Journal.magic + UInt64(text.count).littleEndianBytes(8)
      + UInt64(run.patch.byteCount).littleEndianBytes(8)
      + Digest(of: text).bytes + text
    let patchRange = front.count..<front.count + run.patch.byteCount
    slotOffset = Journal.slot(after: patchRange.upperBound)

    // Who may not read the model may not read its journal, and who owns the model may recover it.
    let owner = model.shards[run.changedShards[0]]
    let output = try AtomicFile(path, permissionsOf: owner)
    output.file.takeOwner(of: owner)
    file = output.file
    try file.reserve(slotOffset + Journal.slotHeader + min(tileCount, run.windowTileCount) * Tiling.byteCount)
    try disk.write(front, to: file, at: 0)
    try disk.copy(run.patch.place, of: run.patch.file, to: file, at: front.count)
    patch = try PatchFile(file, patchRange)
    // Before it stands: a signal right after that finds it on the list, and one right before finds no file.
    FilesUnderWay.setJournal(path, isOpen: true)
    do { try disk.publish(output) } catch {
      FilesUnderWay.setJournal(path, isOpen: false)
      throw error
    }
    do { try disk.synchronizeFolder(model.folder) } catch {
      guard withdraw(disk) else { throw InPlaceFailure(cause: error, aftermath: .journalStays(path)) }
      throw error
    }
  }

  /// Opens the journal of an interrupted run, to be settled or only to be looked at.
  init(opening path: String, _ access: OpenFile.Access) throws {
    self.path = path
    func damaged(_ detail: String) -> PatchError { .damagedJournal(path: path, detail: detail) }
    do throws(ModelFileError) { file = try OpenFile(path, access) } catch {
      guard case .symbolicLink = error.reason else { throw error }
      throw damaged("it is a symbolic link")
    }
    let size = try file.size()
    guard size >= Journal.noteOffset else { throw damaged("too short") }
    let front = try file.read(Journal.noteOffset, at: 0)
    guard front.starts(with: Journal.magic) || front.starts(with: Journal.closed) else {
      throw damaged("not a journal")
    }
    isClosed = front.starts(with: Journal.closed)
    let noteCount = UInt64(littleEndianBytes: front[8..<16])
    let patchCount = UInt64(littleEndianBytes: front[16..<24])
    guard noteCount <= UInt64(Journal.noteLimit), patchCount <= UInt64(size),
      Journal.noteOffset + Int(noteCount) + Int(patchCount) <= size
    else { throw damaged("lengths beyond the file") }
    let text = try file.read(Int(noteCount), at: Journal.noteOffset)
    guard Digest(of: text) == Digest(stored: front[24..<56]), let json = try? JSONValue(parsing: text),
      let note = JournalNote(json)
    else { throw damaged("the note is not what its digest names") }
    guard note.isWithinFolder else { throw damaged("it names files outside its folder") }
    self.note = note
    let patchStart = Journal.noteOffset + Int(noteCount)
    do { patch = try PatchFile(file, patchStart..<patchStart + Int(patchCount)) } catch is PatchError {
      throw damaged("the patch in it is not whole")
    }
    slotOffset = Journal.slot(after: patchStart + Int(patchCount))
  }

  private static func slot(after end: Int) -> Int { (end + 4095) / 4096 * 4096 }

  /// Saves the present bytes of tiles and waits until they are on the disk.
  func save(_ tiles: ArraySlice<(item: Int, tile: Int)>, of run: PatchRun) throws {
    precondition(tiles.count <= Journal.slotTiles, "a window fits the slot")
    var header = UInt64(tiles.count).littleEndianBytes(8)
    for (position, entry) in tiles.enumerated() {
      header += UInt64(entry.item).littleEndianBytes(4) + UInt64(entry.tile).littleEndianBytes(4)
      try run.disk.copy(
        run.place(entry.item, entry.tile), of: run.model.file(of: run.items[entry.item].tensor), to: file,
        at: data(position))
    }
    try run.disk.write(header, to: file, at: slotOffset)
    try run.disk.synchronize(file)
  }

  private func data(_ position: Int) -> Int { slotOffset + Journal.slotHeader + position * Tiling.byteCount }

  /// The saved tiles that are whole: their bytes are those of a base or a result leaf. A slot that was cut while it was
  /// written holds others too; then the model's tiles had not been touched yet.
  func savedTiles(of run: PatchRun, _ body: (_ item: Int, _ tile: Int, [UInt8]) throws -> Void) throws {
    let size = try file.size()
    guard slotOffset + Journal.slotHeader <= size else { return }
    let header = try file.read(Journal.slotHeader, at: slotOffset)
    let count = min(UInt64(littleEndianBytes: header[0..<8]), UInt64(Journal.slotTiles))
    for position in 0..<Int(count) {
      let start = 8 + 8 * position
      let item = Int(littleEndianBytes: header[start..<start + 4])
      let tile = Int(littleEndianBytes: header[start + 4..<start + 8])
      guard item < run.items.count, tile < run.items[item].leaves.count else { continue }
      let length = run.place(item, tile).count
      guard data(position) + length <= size else { continue }
      let bytes = try file.read(length, at: data(position))
      let leaf = Digest(of: bytes)
      guard leaf == run.items[item].leaves[tile].base || leaf == run.items[item].leaves[tile].result else {
        continue
      }
      try body(item, tile, bytes)
    }
  }

  /// Ends the run: closes the journal and takes it away; `false` where it is still there and still open.
  func withdraw(_ disk: any Disk) -> Bool {
    var isHarmless = false
    do {
      try disk.write(Array(Journal.closed.suffix(1)), to: file, at: Journal.closed.count - 1)
      try disk.synchronize(file)
      isHarmless = true
    } catch {}
    do throws(ModelFileError) {
      try disk.remove(path)
      // Closed as it is, it may come back after a power cut.
      try? disk.synchronizeFolder(Folder.containing(path))
      isHarmless = true
    } catch {
      if isHarmless { FileLedger.warn(.journalStays, path, error) }
    }
    if isHarmless { FilesUnderWay.setJournal(path, isOpen: false) }
    return isHarmless
  }
}
