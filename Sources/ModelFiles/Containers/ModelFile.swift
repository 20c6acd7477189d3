/// A model on disk: one safetensors file, several with an index, or a folder that holds either.
///
/// Opening reads headers only; the cost does not grow with the weights.
public struct ModelFile: Sendable {
  /// The path, as the caller named it.
  public let path: String
  /// The folder that holds the files.
  public let folder: String
  /// Open files, in the order of their names.
  public let shards: [OpenFile]
  /// All tensors: by shard, then in the order of their data.
  public let tensors: [TensorInfo]
  /// `__metadata__` of each shard.
  public let metadata: [[(key: String, value: String)]]
  /// Whether an index file joins the shards.
  public let indexPath: String?
  /// `model_type` of the `config.json` beside the weights, if there is one.
  public let modelType: String?

  private let positions: [String: Int]

  /// Opens a model and checks all its headers.
  public init(_ path: String) throws(ModelFileError) {
    self.path = path
    let place = try ModelFile.locate(path)
    folder = Folder.containing(place)
    var found: [TensorInfo] = []
    var files: [OpenFile] = []
    var notes: [[(key: String, value: String)]] = []
    if place.hasSuffix(".json") {
      indexPath = place
      let index = try ShardIndex(reading: OpenFile(place, .reading))
      var wanted: [String: [String]] = [:]
      for entry in index.entries { wanted[entry.file, default: []].append(entry.tensor) }
      for name in wanted.keys.sorted() {
        let file = try OpenFile(Folder.path(folder, name), .reading)
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
      indexPath = nil
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
    modelType = ModelFile.modelType(in: folder)
  }

  /// Finds the file to start from: the index of a sharded model, or the only weights.
  private static func locate(_ path: String) throws(ModelFileError) -> String {
    guard Folder.exists(path) else {
      let name = Folder.name(of: path)
      if name.hasSuffix(".safetensors") || name.hasSuffix(".safetensors.index.json") { return path }
      // Errors of the system come first: a path that is not there is not a format question.
      _ = try OpenFile(path, .reading)
      throw ModelFileError(.unknownFormat, file: path)
    }
    for name in ["model.safetensors.index.json", "model.safetensors"]
    where Folder.fileExists(Folder.path(path, name)) {
      return Folder.path(path, name)
    }
    let candidates = try Folder.names(in: path).filter { $0.hasSuffix(".safetensors") }
    guard let only = candidates.first else { throw ModelFileError(.noModelInFolder, file: path) }
    guard candidates.count == 1 else { throw ModelFileError(.severalModelsInFolder(candidates), file: path) }
    return Folder.path(path, only)
  }

  /// A configuration that cannot be read is no reason to refuse the weights.
  private static func modelType(in folder: String) -> String? {
    guard let file = try? OpenFile(Folder.path(folder, "config.json"), .reading),
      let size = try? file.size(), size <= 1 << 20, let bytes = try? file.read(size, at: 0),
      let configuration = try? JSONValue(parsing: bytes)
    else { return nil }
    return configuration["model_type"]?.text
  }

  /// The tensor of this name.
  public func tensor(_ name: String) throws(ModelFileError) -> TensorInfo {
    guard let position = positions[name] else { throw ModelFileError(.noSuchTensor, file: path, tensor: name) }
    return tensors[position]
  }

  /// Whether the model has a tensor of this name.
  public func contains(_ name: String) -> Bool { positions[name] != nil }

  /// The file that holds a tensor.
  public func file(of tensor: TensorInfo) -> OpenFile { shards[tensor.shard] }
}
