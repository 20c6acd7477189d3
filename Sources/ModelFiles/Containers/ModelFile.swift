/// A model on disk: one safetensors file, several with an index, one GGUF file, several split ones, or a folder that holds
/// one of these.
///
/// Opening reads headers only; the cost does not grow with the weights.
public struct ModelFile: Sendable {
  /// The containers.
  public enum Format: String, Sendable {
    case safetensors
    case gguf
  }

  /// The container of all its files.
  public let format: Format
  /// The path, as the caller named it.
  public let path: String
  /// The folder that holds the files.
  public let folder: String
  /// Open files, in the order of their names.
  public let shards: [OpenFile]
  /// All tensors: by shard, then in the order of their data.
  public let tensors: [TensorInfo]
  /// Headers of GGUF files, in the order of the shards; none in a safetensors model.
  public let ggufHeaders: [GGUFHeader]
  /// `__metadata__` of each safetensors shard.
  public let metadata: [[(key: String, value: String)]]
  /// Whether an index file joins the shards.
  public let indexPath: String?
  /// What the model calls its family: `model_type` of the `config.json` beside safetensors weights, or
  /// `general.architecture` in a GGUF file.
  public let modelType: String?

  private let positions: [String: Int]
  private static let indexSuffix = ".safetensors.index.json"

  /// Opens a model and checks all its headers.
  public init(_ path: String) throws(ModelFileError) {
    self.path = path
    let place = try ModelFile.locate(path)
    folder = Folder.containing(place)
    var found: [TensorInfo] = []
    var files: [OpenFile] = []
    var notes: [[(key: String, value: String)]] = []
    var headers: [GGUFHeader] = []
    if try ModelFile.isGGUF(place) {
      (format, indexPath) = (.gguf, nil)
      for (file, header) in try GGUFParts(opening: OpenFile(place, .reading)).parts {
        found += header.tensors.map { tensor in
          var tensor = tensor
          tensor.shard = files.count
          return tensor
        }
        files.append(file)
        headers.append(header)
      }
    } else if place.hasSuffix(Self.indexSuffix) {
      (format, indexPath) = (.safetensors, place)
      let index = try ShardIndex(reading: OpenFile(place, .reading))
      var wanted: [String: [String]] = [:]
      for entry in index.entries { wanted[entry.file, default: []].append(entry.tensor) }
      for name in wanted.keys.sorted() {
        let shard = Folder.path(folder, name)
        guard Folder.occupied(shard) else { throw ModelFileError(.shardMissing(index: place), file: shard) }
        let file = try OpenFile(shard, .reading)
        let header = try SafetensorsHeader(reading: file)
        let names = Set(wanted[name] ?? [])
        let present = header.tensors.filter { names.contains($0.name) }
        if present.count < names.count, let missing = names.subtracting(present.map(\.name)).min() {
          throw ModelFileError(.tensorMissingFromShard(name), file: place, tensor: missing)
        }
        found += present.map { tensor in
          var tensor = tensor
          tensor.shard = files.count
          return tensor
        }
        files.append(file)
        notes.append(header.metadata)
      }
    } else {
      (format, indexPath) = (.safetensors, nil)
      let file = try OpenFile(place, .reading)
      let header = try SafetensorsHeader(reading: file)
      found = header.tensors
      files = [file]
      notes = [header.metadata]
    }
    tensors = found
    shards = files
    metadata = notes
    positions = Dictionary(uniqueKeysWithValues: found.enumerated().map { ($1.name, $0) })
    ggufHeaders = headers
    modelType =
      format == .gguf
      ? try headers.first?["general.architecture"]?.text()
      : ModelFile.configuration(in: folder).map(ModelFamily.languageModel)?["model_type"]?.text
  }

  /// Metadata of a GGUF model: that of its first file; the other parts only say which part they are.
  public var ggufMetadata: [GGUFField] { ggufHeaders.first?.metadata ?? [] }

  /// By name; under a name that says nothing, such as those of ollama's files, by the first bytes.
  private static func isGGUF(_ path: String) throws(ModelFileError) -> Bool {
    if path.hasSuffix(GGUFParts.suffix) { return true }
    if path.hasSuffix(".safetensors") || path.hasSuffix(indexSuffix) { return false }
    return try GGUFHeader.isLikely(in: OpenFile(path, .reading))
  }

  /// Finds the file to start from: the index of a sharded model, or the only weights.
  private static func locate(_ path: String) throws(ModelFileError) -> String {
    guard Folder.exists(path) else {
      if path.hasSuffix(".safetensors") || path.hasSuffix(Self.indexSuffix) { return path }
      if try isGGUF(path) { return path }
      // Under any other name, as the hub's cache has them, the file must begin as a safetensors file does.
      guard try SafetensorsHeader.isLikely(in: OpenFile(path, .reading)) else {
        let content = try FileContent(of: OpenFile(path, .reading))
        guard content.isForeign || content == .empty else { throw ModelFileError(.unknownFormat, file: path) }
        throw ModelFileError(.otherContent(found: content, expected: .model), file: path)
      }
      return path
    }
    // The order of transformers: where both are present, this is the one it loads.
    for name in ["model.safetensors", "model.safetensors.index.json"]
    where Folder.fileExists(Folder.path(path, name)) {
      return Folder.path(path, name)
    }
    let names = try Folder.names(in: path)
    let candidates = names.filter { $0.hasSuffix(".safetensors") }
    guard let only = candidates.first else {
      if let place = try GGUFParts.onlyModel(in: path, names) { return place }
      throw ModelFileError(.noModelInFolder(FolderContent(of: path, names: names)), file: path)
    }
    if names.contains("adapter_config.json"), only == "adapter_model.safetensors", candidates.count == 1 {
      throw ModelFileError(.noModelInFolder(.adapter(only)), file: path)
    }
    if candidates.allSatisfy(FolderContent.isShard) {
      throw ModelFileError(.indexMissing(candidates), file: path)
    }
    guard candidates.count == 1 else { throw ModelFileError(.severalModelsInFolder(candidates), file: path) }
    return Folder.path(path, only)
  }

  /// A configuration that cannot be read is no reason to refuse the weights.
  static func configuration(in folder: String) -> JSONValue? {
    guard let file = try? OpenFile(Folder.path(folder, "config.json"), .reading),
      let size = try? file.size(), size <= 1 << 20, let bytes = try? file.read(size, at: 0)
    else { return nil }
    return try? JSONValue(parsing: bytes)
  }

  /// The tensor of this name; or the part `NAME[i]` of the tensor `NAME`, where no tensor has the whole name.
  public func tensor(_ name: String) throws(ModelFileError) -> TensorInfo {
    guard let position = positions[name] else {
      if let slice = slice(named: name) { return slice }
      throw ModelFileError(.noSuchTensor, file: path, tensor: name, near: names(near: [name]))
    }
    return tensors[position]
  }

  /// Whether the model has a tensor of this name.
  public func contains(_ name: String) -> Bool { positions[name] != nil }

  /// The file that holds a tensor.
  public func file(of tensor: TensorInfo) -> OpenFile { shards[tensor.shard] }
}
