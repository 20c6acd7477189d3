public import Floor
internal import LinearAlgebra
public import ModelFiles

/// A patch on disk, opened and checked: header, lengths, digest, manifest and block ranges. Payload is decoded on demand.
public struct PatchFile: Sendable {
  /// The path, as the caller named it.
  public let path: String
  /// SHA-256 of header, manifest and block table: names the whole patch.
  public let digest: Digest
  /// The whole manifest, for people and tools.
  public let manifest: JSONValue
  /// Touched tensors, by name.
  public let changes: [TensorChange]
  /// Where the change of a tensor stands among them, by its name.
  let changePlaces: [String: Int]
  /// Length of the file.
  public let byteCount: Int
  /// Whether headers, names or files change too, so that the result must be a new file.
  public var changesLayout: Bool { layout != nil }

  let file: OpenFile
  let blocks: [BlockInfo]
  /// Files before and after, when more than tensors' numbers changes.
  let layout: (base: StoredLayout, result: StoredLayout)?
  /// Files beside the weights that are others after the change, by name.
  public let beside: [BesideFile]
  /// What it holds for use beside the weights.
  public let memory: MemorySection?
  /// What the edits can be solved for again with.
  let resolve: [ResolveMatrix]
  /// Where each of these stands in the list, by its name.
  let resolvePlaces: [String: Int]
  /// Where the patch begins in its file: past 0 in a journal, which carries a patch along.
  private let origin: Int

  /// The bytes of the patch in its file.
  var place: Range<Int> { origin..<origin + byteCount }

  /// Opens a patch. Costs time and memory for the manifest and the block table only.
  public init(_ path: String) throws {
    let content = try FileContent(at: path)
    guard content == .patch || content == .unknown else {
      throw PatchError.notAPatch(file: path, found: content)
    }
    let file = try OpenFile(path, .reading)
    try self.init(file, 0..<file.size())
  }

  /// Opens a patch that is a part of a file.
  init(_ file: OpenFile, _ place: Range<Int>) throws {
    path = file.path
    self.file = file
    origin = place.lowerBound
    byteCount = place.count
    let start = try file.read(min(place.count, PatchHeader.byteCount), at: origin)
    let header = try PatchHeader(parsing: start, file: path, fileSize: place.count)
    let front = try file.read(header.payloadOffset, at: origin)
    digest = Digest(of: front)
    let stored = Digest(stored: try file.read(Digest.byteCount, at: place.upperBound - Digest.byteCount))
    guard stored == digest else { throw PatchError.patchDigest(file: path, expected: stored, found: digest) }

    let tableOffset = PatchHeader.byteCount + header.manifestCount
    blocks = try PatchFile.blocks(front[tableOffset...], of: header, file: path)
    let text = Array(front[PatchHeader.byteCount..<tableOffset])
    guard String(validating: text, as: UTF8.self) != nil else {
      throw PatchError.badManifest(file: path, field: "encoding")
    }
    do throws(JSONError) { manifest = try JSONValue(parsing: text) } catch {
      throw PatchError.manifestSyntax(file: path, error)
    }
    var next = 0
    changes = try PatchFile.changes(of: manifest, blocks: blocks, next: &next, file: path)
    changePlaces = Dictionary(uniqueKeysWithValues: changes.enumerated().map { ($1.name, $0) })
    // A tensor and a part of it would be changed twice.
    let names = Set(changes.map(\.name))
    if let change = changes.first(where: { TensorSlice($0.name).map { names.contains($0.stack) } ?? false }) {
      throw PatchError.badManifest(file: path, field: "name of \(change.name)")
    }
    if let json = manifest["layout"] {
      layout = try StoredLayout.both(json, blocks: blocks, next: &next, file: path)
    } else {
      layout = nil
      // Without the headers nobody could write the file that such a change leads to.
      if let change = changes.first(where: { !$0.isTiled }) {
        throw PatchError.badManifest(file: path, field: "layout of \(change.name)")
      }
    }
    if let json = manifest["beside"] {
      beside = try BesideFile.list(json, blocks: blocks, next: &next, file: path)
      try PatchFile.requireFolders(layout, without: beside, file: path)
    } else {
      beside = []
    }
    if let json = manifest["resolve"] {
      resolve = try ResolveMatrix.list(json, blocks: blocks, next: &next, file: path)
    } else {
      resolve = []
    }
    if let json = manifest["memory"] {
      memory = try MemorySection(json, blocks: blocks, next: &next, file: path)
    } else {
      memory = nil
    }
    resolvePlaces = Dictionary(uniqueKeysWithValues: resolve.enumerated().map { ($1.name, $0) })
    // Exactly the features that it uses: a bit that is missing would let older readers in.
    guard header.features == PatchFeatures(of: changes, beside: beside, hasMemory: memory != nil) else {
      throw PatchError.badManifest(file: path, field: "features")
    }
    guard next == blocks.count else {
      throw PatchError.badBlockRange(file: path, tensor: "", field: "tensors")
    }
  }

  /// Files beside the weights stand in a folder, under names that no weights have.
  private static func requireFolders(
    _ layout: (base: StoredLayout, result: StoredLayout)?, without beside: [BesideFile], file: String
  ) throws(PatchError) {
    guard let layout else { return }
    let names = Set((layout.base.files + layout.result.files).map(\.name))
    guard layout.base.isFolder, layout.result.isFolder, !beside.contains(where: { names.contains($0.name) })
    else { throw .badManifest(file: file, field: "beside") }
  }

  private static func blocks(
    _ table: ArraySlice<UInt8>, of header: PatchHeader, file: String
  ) throws(PatchError) -> [BlockInfo] {
    var blocks: [BlockInfo] = []
    blocks.reserveCapacity(header.blockCount)
    var offset = header.payloadOffset
    for block in 0..<header.blockCount {
      let start = table.startIndex + block * BlockInfo.byteCount
      let info = try BlockInfo(
        row: table[start..<start + BlockInfo.byteCount], file: file, block: block, byteOffset: offset)
      offset += info.storedCount
      blocks.append(info)
    }
    guard offset + Digest.byteCount == header.fileSize else {
      throw .wrongLength(
        file: file, expected: UInt64(offset + Digest.byteCount), found: UInt64(header.fileSize))
    }
    return blocks
  }

  private static func changes(
    of manifest: JSONValue, blocks: [BlockInfo], next: inout Int, file: String
  ) throws(PatchError) -> [TensorChange] {
    func require(_ field: String, _ isGood: Bool) throws(PatchError) {
      guard isGood else { throw .badManifest(file: file, field: field) }
    }
    try require("format", manifest["format"]?.text == "errata patch")
    try require("tool", manifest["tool"]?.text != nil)
    let family = manifest["model"]?["family"]
    try require("model", family == .null || family?.text != nil)
    try require("edit", manifest["edit"].map { $0.members != nil } ?? true)
    guard let list = manifest["tensors"]?.elements else { throw .badManifest(file: file, field: "tensors") }
    var changes: [TensorChange] = []
    for json in list {
      let change = try TensorChange(json: json, file: file)
      if let last = changes.last, !last.name.utf8.lexicographicallyPrecedes(change.name.utf8) {
        throw .badManifest(file: file, field: "tensors")
      }
      try change.checkBlocks(blocks, next: &next, file: file)
      changes.append(change)
    }
    return changes
  }

  /// Reads one block and checks it.
  func storedBytes(_ block: Int) throws -> [UInt8] {
    let info = blocks[block]
    let stored = try file.read(info.storedCount, at: origin + info.byteOffset)
    guard Digest(of: stored) == info.digest else {
      throw PatchError.blockDigest(file: path, block: block, byteOffset: info.byteOffset)
    }
    return stored
  }

  /// Decodes the blocks of a range into one run of bytes.
  func content(_ range: Range<Int>) throws -> [UInt8] {
    var content: [UInt8] = []
    content.reserveCapacity(blocks[range].reduce(0) { $0 + $1.decodedCount })
    for block in range {
      let info = blocks[block]
      guard let bytes = info.coding.decode(try storedBytes(block), count: info.decodedCount) else {
        throw PatchError.blockDecoding(file: path, block: block)
      }
      content += bytes
    }
    return content
  }

  /// Checks every block, so that a damaged patch is refused before anything is written.
  public func checkBlocks(threads: Int) throws {
    try parallelFor(blocks.count, width: threads, state: {}) { block, _ in _ = try storedBytes(block) }
  }
}

extension PatchFile {
  /// Base and result leaf of every tile of a tensor, checked against its digests.
  func leaves(of change: TensorChange, _ tiles: TileBlocks) throws -> [(base: Digest, result: Digest)] {
    let bytes = try content(tiles.leaves)
    let leaves = (0..<change.form.tileCount).map { tile in
      (
        base: Digest(stored: bytes[64 * tile..<64 * tile + 32]),
        result: Digest(stored: bytes[64 * tile + 32..<64 * tile + 64])
      )
    }
    guard Digest(leaves: leaves.map(\.base)) == change.baseDigest,
      Digest(leaves: leaves.map(\.result)) == change.resultDigest
    else { throw PatchError.leafDigest(file: path, tensor: change.name) }
    return leaves
  }
}

extension PatchFile {
  /// Bytes of the payload that belong to one tensor.
  public func storedByteCount(of change: TensorChange) -> Int {
    change.blockRanges.reduce(0) { total, range in blocks[range].reduce(total) { $0 + $1.storedCount } }
  }
}

extension OpenFile {
  /// Whether the file begins as a patch does.
  public func hasPatchMagic() throws -> Bool {
    let size = try size()
    return try read(min(size, FileContent.patchMagic.count), at: 0) == FileContent.patchMagic
  }
}
