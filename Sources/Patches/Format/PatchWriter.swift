internal import Floor
public import ModelFiles

/// Writes a patch: blocks go to a spool as they come, and the front is put before them at the end, so that memory does not
/// grow with the patch.
public final class PatchWriter {
  private let path: String
  private let spool: BlockSpool
  private var changes: [TensorChange] = []
  var resolve: [ResolveMatrix] = []

  /// Starts a patch that will appear at this path.
  public init(_ path: String) throws {
    self.path = path
    spool = try BlockSpool(for: path)
  }

  /// A place for blocks that come before others are known that stand before them.
  func aside() throws -> BlockSpool { try spool.aside() }

  func append(_ block: BlockSpool.Block) throws { try spool.append(block) }

  /// Takes over blocks that were put aside.
  func append(_ blocks: BlockSpool) throws -> Range<Int> { try spool.append(blocks) }

  /// Cuts a run of bytes into blocks.
  func append(_ bytes: [UInt8], planesOf planeCount: Int) throws -> Range<Int> {
    let first = blockCount
    for tile in 0..<Tiling.count(bytes.count) {
      let piece = Array(bytes[Tiling.range(tile, of: bytes.count)])
      let (coding, stored) = BlockCoding.encode(piece, planesOf: planeCount)
      try append(BlockSpool.Block(coding: coding, decodedCount: piece.count, stored: stored))
    }
    return first..<blockCount
  }

  /// Adds a finished tensor; tensors come in the order of their names.
  func append(_ change: TensorChange) { changes.append(change) }

  /// Takes a tensor's change over from another patch, block by block.
  func append(_ change: TensorChange, from patch: PatchFile) throws {
    append(
      try change.movingBlocks { range in
        let first = blockCount
        for block in range {
          let info = patch.blocks[block]
          try append(
            BlockSpool.Block(
              coding: info.coding, decodedCount: info.decodedCount, stored: patch.storedBytes(block)))
        }
        return first..<blockCount
      })
  }

  /// Blocks so far.
  var blockCount: Int { spool.blocks.count }

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
      manifestCount: manifest.count, blockCount: blockCount, payloadCount: spool.byteCount)
    let front = header.bytes + manifest + spool.blocks.flatMap(\.row)

    let output = try AtomicFile(path)
    try output.file.reserve(header.fileSize)
    try output.file.write(front, at: 0)
    try spool.copy(to: output.file, at: front.count)
    try output.file.write(Digest(of: front).bytes, at: front.count + spool.byteCount)
    try PatchFile(output.file.path).checkBlocks(threads: 1)
    try output.commit()
    return try PatchFile(path)
  }
}
