internal import Floor
internal import ModelFiles

/// What an in-place run writes down before it changes anything, so that a kill or a power cut loses nothing.
///
/// A journal stands beside the model while a run is under way. It holds a copy of the patch and a slot for the old bytes
/// of the tiles in flight. Order makes it safe: old bytes reach the disk before the model's tiles are touched, and the
/// tiles reach the disk before the slot is used again. So after a cut every tile is whole (old or new, told by its leaf)
/// or has its old bytes in the slot.
///
///     0   magic, 8 bytes
///     8   lengths of note and patch, 8 bytes each
///     24  SHA-256 of the note
///     56  note, JSON: direction, model, files; then the patch
///     …   at the next multiple of 4096, the slot: number of tiles; item and tile number of each; the tiles
struct Journal {
  static let suffix = ".errata-journal"
  private static let magic = Array("ERRATAJ1".utf8)
  private static let noteOffset = 56
  private static let noteLimit = 1 << 24
  /// Tiles in flight at once: few waits for the disk, and never more room than this.
  static let slotTiles = 256
  private static let slotHeader = 4096

  let path: String
  let file: OpenFile
  let direction: PatchRun.Direction
  /// The model as the run was given it, by its name in the journal's folder.
  let modelName: String
  /// Files that the run may change.
  let files: [String]
  let patch: PatchFile
  private let slotOffset: Int

  /// Writes a journal for a run and waits until it is on the disk.
  init(creatingFor run: PatchRun, _ direction: PatchRun.Direction, tileCount: Int) throws {
    let model = run.model
    self.direction = direction
    modelName = Folder.name(of: model.indexPath ?? model.shards[0].path)
    let touched = Set(run.items.map { Folder.name(of: model.shards[$0.tensor.shard].path) }).sorted()
    // Where only files beside the weights change, the journal stands by the first of the weights.
    files = touched.isEmpty ? [Folder.name(of: model.shards[0].path)] : touched
    path = Folder.path(model.folder, files[0] + Journal.suffix)
    guard !Folder.occupied(path) else { throw ModelFileError(.locked, file: path) }
    let note = Array(
      JSONValue.object([
        .init("direction", .string(direction.rawValue)), .init("model", .string(modelName)),
        .init("files", .array(files.map { .string($0) })),
      ]).compactText.utf8)
    let front =
      Journal.magic + UInt64(note.count).littleEndianBytes(8)
      + UInt64(run.patch.byteCount).littleEndianBytes(8)
      + Digest(of: note).bytes + note
    let patchRange = front.count..<front.count + run.patch.byteCount
    slotOffset = Journal.slot(after: patchRange.upperBound)

    let output = try AtomicFile(path)
    try output.file.reserve(
      slotOffset + Journal.slotHeader + min(tileCount, run.windowTileCount) * Tiling.byteCount)
    try output.file.write(front, at: 0)
    try output.file.copy(run.patch.place, of: run.patch.file, to: front.count)
    try output.commit()
    file = try OpenFile(path, .updating)
    patch = try PatchFile(file, patchRange)
  }

  /// Opens the journal of an interrupted run.
  init(opening path: String) throws {
    self.path = path
    file = try OpenFile(path, .updating)
    let size = try file.size()
    func damaged(_ detail: String) -> PatchError { .damagedJournal(path: path, detail: detail) }
    guard size >= Journal.noteOffset else { throw damaged("too short") }
    let front = try file.read(Journal.noteOffset, at: 0)
    guard front.starts(with: Journal.magic) else { throw damaged("not a journal") }
    let noteCount = UInt64(littleEndianBytes: front[8..<16])
    let patchCount = UInt64(littleEndianBytes: front[16..<24])
    guard noteCount <= UInt64(Journal.noteLimit), patchCount <= UInt64(size),
      Journal.noteOffset + Int(noteCount) + Int(patchCount) <= size
    else { throw damaged("lengths beyond the file") }
    let note = try file.read(Int(noteCount), at: Journal.noteOffset)
    guard Digest(of: note) == Digest(stored: front[24..<56]), let json = try? JSONValue(parsing: note),
      let way = json["direction"]?.text.flatMap(PatchRun.Direction.init(rawValue:)),
      let model = json["model"]?.text,
      let names = json["files"]?.elements?.compactMap(\.text), !names.isEmpty
    else { throw damaged("the note is not what its digest names") }
    guard (names + [model]).allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "/")) }) else {
      throw damaged("it names files outside its folder")
    }
    (direction, modelName, files) = (way, model, names)
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
      try file.copy(
        run.place(entry.item, entry.tile), of: run.model.file(of: run.items[entry.item].tensor),
        to: data(position))
    }
    try file.write(header, at: slotOffset)
    try file.synchronize()
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

  /// Takes the journal away: the run is over.
  func remove() throws {
    Folder.remove(path)
    try Folder.synchronize(Folder.containing(path))
  }
}
