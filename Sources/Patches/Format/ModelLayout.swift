internal import ModelFiles

/// How the bytes of a model lie in files: what must be kept, beside the tensors, to write a file that is the same to the
/// last byte. `Formats/patch.md`, *Layout*.
struct ModelLayout: Equatable, Sendable {
  /// One file: its bytes up to the first tensor, or all of them when it holds none.
  struct File: Equatable, Sendable {
    let name: String
    let byteCount: Int
    let header: [UInt8]
  }

  /// Whether the model is a folder, else one file.
  let isFolder: Bool
  let files: [File]

  /// Longest header kept: a tokenizer of a few megabytes stands in a GGUF header.
  static let headerLimit = 1 << 28

  init(isFolder: Bool, files: [File]) {
    self.isFolder = isFolder
    self.files = files
  }

  /// The layout of a model: its weight files, and the index that joins them.
  init(of model: ModelFile) throws {
    isFolder = model.isFolder
    var files: [File] = []
    var starts: [Int: Int] = [:]
    for tensor in model.tensors {
      starts[tensor.shard] = min(starts[tensor.shard] ?? .max, tensor.byteRange.lowerBound)
    }
    for (shard, file) in model.shards.enumerated() {
      let size = try file.size()
      let start = starts[shard] ?? size
      files.append(
        File(name: Folder.name(of: file.path), byteCount: size, header: try file.read(start, at: 0)))
    }
    if let index = model.indexPath {
      let file = try OpenFile(index, .reading)
      let size = try file.size()
      files.append(File(name: Folder.name(of: index), byteCount: size, header: try file.read(size, at: 0)))
    }
    self.files = files
  }

  /// Demands that the model knows every tensor of its files' headers.
  static func requireListed(_ model: ModelFile) throws {
    for file in model.shards {
      for tensor in try ModelFile.tensors(in: file) where !model.contains(tensor.name) {
        throw PatchError.unlistedTensor(tensor: tensor.name, file: file.path)
      }
    }
  }

  /// Whether tensors and zero bytes are all there is after the headers, so that the layout says everything.
  static func isComplete(_ model: ModelFile) throws -> Bool {
    let byShard = Dictionary(grouping: model.tensors.filter { $0.byteCount > 0 }, by: \.shard)
    for (shard, file) in model.shards.enumerated() {
      var end: Int?
      for tensor in (byShard[shard] ?? []).sorted(by: { $0.byteRange.lowerBound < $1.byteRange.lowerBound }) {
        let gap = tensor.byteRange.lowerBound - (end ?? tensor.byteRange.lowerBound)
        // Alignment asks for some bytes; more than a page is no padding.
        guard gap >= 0, gap <= 4096 else { return false }
        if gap > 0, try file.read(gap, at: tensor.byteRange.lowerBound - gap).contains(where: { $0 != 0 }) {
          return false
        }
        end = tensor.byteRange.upperBound
      }
      let size = try file.size()
      if let end, end < size {
        guard size - end <= 4096, try file.read(size - end, at: end).allSatisfy({ $0 == 0 }) else {
          return false
        }
      }
    }
    return true
  }

  /// Bytes of a file that header and tensors do not cover are zero; the file's size is its own.
  func json(blocks: [Range<Int>]) -> JSONValue {
    [
      "folder": .bool(isFolder),
      "files": .array(
        zip(files, blocks).map { file, range in
          [
            "name": .string(file.name), "bytes": .integer(file.byteCount),
            "headerBytes": .integer(file.header.count),
            "header": [.integer(range.lowerBound), .integer(range.count)],
          ]
        }),
    ]
  }
}

/// A layout as the manifest has it: the headers are still in their blocks.
struct StoredLayout: Sendable {
  /// One file: its first bytes are in the payload.
  struct File: Sendable {
    let name: String
    let byteCount: Int
    let headerCount: Int
    let header: Range<Int>
  }

  let isFolder: Bool
  let files: [File]

  /// Reads the layouts before and after.
  static func both(
    _ json: JSONValue, blocks: [BlockInfo], next: inout Int, file: String
  ) throws(PatchError) -> (base: StoredLayout, result: StoredLayout) {
    guard let base = json["base"], let result = json["result"] else {
      throw .badManifest(file: file, field: "layout")
    }
    let first = try StoredLayout(json: base, blocks: blocks, next: &next, file: file)
    return (first, try StoredLayout(json: result, blocks: blocks, next: &next, file: file))
  }

  /// Reads and bounds a layout; its blocks must follow the ones before.
  init(json: JSONValue, blocks: [BlockInfo], next: inout Int, file: String) throws(PatchError) {
    func bad() -> PatchError { .badManifest(file: file, field: "layout") }
    guard case .bool(let isFolder)? = json["folder"], let list = json["files"]?.elements, !list.isEmpty else {
      throw bad()
    }
    guard isFolder || list.count == 1 else { throw bad() }
    self.isFolder = isFolder
    var files: [File] = []
    var names: Set<String> = []
    for entry in list {
      let fields = ManifestFields(json: entry, file: file)
      let name = try fields.text("name")
      guard BesideFile.isPlain(name),
        let byteCount = entry["bytes"]?.integer, let headerCount = entry["headerBytes"]?.integer,
        headerCount >= 0, headerCount <= ModelLayout.headerLimit, byteCount >= headerCount,
        byteCount <= 1 << 50,
        names.insert(name).inserted
      else { throw bad() }
      let range = try fields.range("header")
      guard range.lowerBound == next, range.upperBound <= blocks.count, blocks[range].hold(headerCount) else {
        throw .badBlockRange(file: file, tensor: name, field: "header")
      }
      next = range.upperBound
      files.append(File(name: name, byteCount: byteCount, headerCount: headerCount, header: range))
    }
    self.files = files
  }
}
