internal import Floor
public import ModelFiles

/// Writes a patch: blocks go to a spool file as they come, and the front is put before them at the end, so that memory
/// does not grow with the patch.
public final class PatchWriter {
  /// A range of blocks under construction, one tile or factor run.
  struct NewBlock: Sendable {
    let coding: BlockCoding
    let decodedCount: Int
    let stored: [UInt8]
    let digest: Digest

    init(coding: BlockCoding, decodedCount: Int, stored: [UInt8]) {
      self.coding = coding
      self.decodedCount = decodedCount
      self.stored = stored
      digest = Digest(of: stored)
    }
  }

  private let path: String
  private let spool: OpenFile
  private var spooled = 0
  private var blocks: [BlockInfo] = []
  private var changes: [TensorChange] = []
  var resolve: [ResolveMatrix] = []

  /// Starts a patch that will appear at this path.
  public init(_ path: String) throws {
    self.path = path
    spool = try OpenFile(Folder.temporaryPath(for: path), .creating)
    // The descriptor keeps the file; without a name, a kill leaves nothing behind.
    Folder.remove(spool.path)
  }

  func append(_ block: NewBlock) throws {
    try spool.write(block.stored, at: spooled)
    spooled += block.stored.count
    blocks.append(
      BlockInfo(
        storedCount: block.stored.count, decodedCount: block.decodedCount, coding: block.coding,
        digest: block.digest))
  }

  /// Cuts a run of bytes into blocks.
  func append(_ bytes: [UInt8], planesOf planeCount: Int) throws -> Range<Int> {
    let first = blocks.count
    for tile in 0..<Tiling.count(bytes.count) {
      let piece = Array(bytes[Tiling.range(tile, of: bytes.count)])
      let (coding, stored) = BlockCoding.encode(piece, planesOf: planeCount)
      try append(NewBlock(coding: coding, decodedCount: piece.count, stored: stored))
    }
    return first..<blocks.count
  }

  /// Adds a finished tensor; tensors come in the order of their names.
  func append(_ change: TensorChange) { changes.append(change) }

  /// Blocks so far.
  var blockCount: Int { blocks.count }

  /// Writes the file under its name and reads it back.
  @discardableResult
  public func finish(tool: String, family: String?, edit: JSONValue?) throws -> PatchFile {
    try finish(tool: tool, family: family, edit: edit, layout: nil)
  }

  func finish(
    tool: String, family: String?, edit: JSONValue?, layout: (base: ModelLayout, result: ModelLayout)?
  ) throws -> PatchFile {
    var members: [JSONValue.Member] = [
      .init("format", "errata patch"),
      .init("tool", .string(tool)),
      .init("model", ["family": family.map { .string($0) } ?? .null]),
    ]
    if let edit { members.append(.init("edit", edit)) }
    members.append(.init("tensors", .array(changes.map(\.json))))
    if let layout {
      let sides = try [layout.base, layout.result].map { side in
        side.json(blocks: try side.files.map { try append($0.header, planesOf: 1) })
      }
      members.append(.init("layout", ["base": sides[0], "result": sides[1]]))
    }
    if !resolve.isEmpty { members.append(.init("resolve", .array(resolve.map(\.json)))) }
    let manifest = Array(JSONValue.object(members).compactText.utf8)
    let header = PatchHeader(
      manifestCount: manifest.count, blockCount: blocks.count, payloadCount: spooled)
    let front = header.bytes + manifest + blocks.flatMap(\.row)

    let output = try AtomicFile(path)
    try output.file.reserve(header.fileSize)
    try output.file.write(front, at: 0)
    try output.file.copy(0..<spooled, of: spool, to: front.count)
    try output.file.write(Digest(of: front).bytes, at: front.count + spooled)
    try PatchFile(output.file.path).checkBlocks(threads: 1)
    try output.commit()
    return try PatchFile(path)
  }
}
