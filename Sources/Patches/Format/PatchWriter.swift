internal import Floor
public import LinearAlgebra
public import ModelFiles

/// Writes a patch: blocks go to a spool as they come, and the front is put before them at the end, so that memory does not
/// grow with the patch.
public final class PatchWriter {
  private let path: String
  private let output: AtomicFile
  private let spool: BlockSpool
  private var changes: [TensorChange] = []
  private var resolve: [ResolveMatrix] = []
  /// The blocks of `resolve`, which stand last; made when they are needed.
  private var resolveBlocks: BlockSpool?
  /// What is for use beside the weights, which stands behind all.
  var memory: NewMemory?

  /// Starts a patch that will appear at this path.
  public init(_ path: String) throws {
    self.path = path
    // Taken now, so that of two runs that would write it the second is refused before it has worked for nothing.
    output = try AtomicFile(path)
    spool = try BlockSpool(for: path)
  }

  /// A place for blocks that come before others are known that stand before them.
  func aside() throws -> BlockSpool { try spool.aside() }

  func append(_ block: BlockSpool.Block) throws { try spool.append(block) }

  /// Takes over blocks that were put aside.
  func append(_ blocks: BlockSpool) throws -> Range<Int> { try spool.append(blocks) }

  /// Cuts a run of bytes into blocks.
  func append(_ bytes: [UInt8], planesOf planeCount: Int) throws -> Range<Int> {
    try spool.append(bytes, planesOf: planeCount)
  }

  /// Adds a matrix for solving again.
  public func append(resolving name: String, _ matrix: Matrix<Double>) throws {
    let aside = try resolveBlocks ?? spool.aside()
    resolveBlocks = aside
    let bytes = StoredFactors.bytes(matrix.elements.map(Float.init), .f32)
    resolve.append(
      ResolveMatrix(
        name: name, rows: matrix.rows, columns: matrix.columns, blocks: try aside.append(bytes, planesOf: 4)))
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

  /// A folder beside the patch that goes when it is let go.
  func scratchFolder() throws -> ScratchFolder { try ScratchFolder(beside: path) }

  /// Blocks so far.
  var blockCount: Int { spool.blocks.count }

  /// Writes the file under its name and reads it back.
  @discardableResult
  public func finish(tool: String, family: String?, edit: JSONValue?) throws -> PatchFile {
    try finish(tool: tool, family: family, edit: edit, layout: nil)
  }

  /// The same of a patch that changes more than tensors.
  ///
  /// - Parameter beside: files beside the weights that differ, by name.
  func finish(
    tool: String, family: String?, edit: JSONValue?, layout: (base: ModelLayout, result: ModelLayout)?,
    beside differing: [ModelComparison.Beside] = []
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
    let beside = try differing.map { try append($0) }
    if !beside.isEmpty { members.append(.init("beside", .array(beside.map(\.json)))) }
    if let resolveBlocks {
      let first = try append(resolveBlocks).lowerBound
      members.append(.init("resolve", .array(resolve.map { $0.shifted(by: first).json })))
    }
    if let memory { members.append(.init("memory", memory.json(from: try append(memory.blocks).lowerBound))) }
    let manifest = Array(JSONValue.object(members).compactText.utf8)
    let header = PatchHeader(
      manifestCount: manifest.count, blockCount: blockCount, payloadCount: spool.byteCount,
      features: PatchFeatures(of: changes, beside: beside, hasMemory: memory != nil))
    let front = header.bytes + manifest + spool.blocks.flatMap(\.row)

    try output.file.reserve(header.fileSize)
    try output.file.write(front, at: 0)
    try spool.copy(to: output.file, at: front.count)
    try output.file.write(Digest(of: front).bytes, at: front.count + spool.byteCount)
    try PatchFile(output.file, 0..<header.fileSize).checkBlocks(threads: 1)
    try output.commit()
    return try PatchFile(path)
  }
}
