/// What a folder holds in place of a model that can be read.
public enum FolderContent: Equatable, Sendable {
  /// A repository in the hub's cache, with its snapshots as paths below it.
  case cachedRepository(snapshots: [String])
  /// The hub's cache itself.
  case cache(repositories: [String])
  /// Weights as `torch.save` writes them.
  case torch([String])
  /// Weights of other frameworks.
  case otherWeights([String])
  /// An adapter, which is a change of a model and not one.
  case adapter(String)
  /// Downloads that did not end.
  case unfinished([String])
  /// Folders below it that hold models.
  case models(in: [String])
  /// None of these.
  case nothing

  /// Looks at the names in a folder, and one step below.
  init(of folder: String, names: [String]) {
    func ending(_ endings: [String]) -> [String] {
      names.filter { name in endings.contains { name.hasSuffix($0) } }
    }
    func below(_ names: [String]) -> [String] {
      names.filter { Folder.exists(Folder.path(folder, $0)) }
    }
    if names.contains("snapshots"), names.contains("blobs") || names.contains("refs") {
      let snapshots = (try? Folder.names(in: Folder.path(folder, "snapshots"))) ?? []
      self = .cachedRepository(snapshots: snapshots.map { "snapshots/" + $0 })
      return
    }
    let repositories = below(names.filter { $0.hasPrefix("models--") })
    let unfinished = ending([".incomplete", ".part", ".crdownload", ".aria2", ".partial"])
    let torch = ending([".bin", ".pt", ".pth", ".bin.index.json"])
    let others = ending([".h5", ".msgpack", ".onnx", ".ckpt", ".pdparams", ".mlmodel", ".keras", ".npz"])
    let models = below(names).filter { FolderContent.looksLikeModel(Folder.path(folder, $0)) }
    if !repositories.isEmpty {
      self = .cache(repositories: repositories)
    } else if !unfinished.isEmpty {
      self = .unfinished(unfinished)
    } else if !torch.isEmpty {
      self = .torch(torch)
    } else if !others.isEmpty {
      self = .otherWeights(others)
    } else {
      self = models.isEmpty ? .nothing : .models(in: models)
    }
  }

  private static func looksLikeModel(_ folder: String) -> Bool {
    ((try? Folder.names(in: folder)) ?? []).contains { $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") }
  }

  /// Whether a name is that of one of several shards: `model-00001-of-00002.safetensors`.
  static func isShard(_ name: String) -> Bool {
    let fields = name.dropLast(".safetensors".count).split(separator: "-", omittingEmptySubsequences: false)
    guard name.hasSuffix(".safetensors"), fields.count >= 4, fields[fields.count - 2] == "of",
      let number = Int(fields[fields.count - 3]), let count = Int(fields[fields.count - 1])
    else { return false }
    return count > 1 && (0...count).contains(number)
  }
}
