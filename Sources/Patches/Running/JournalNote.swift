internal import ModelFiles

/// The head of a journal: which run, on which files.
///
///     {"weightsOnly": false, "direction": "apply", "model": "model.safetensors.index.json", "files": [name, …], "identity": [{"bytes": n, "number": "n"}, …]}
///
/// A journal is believed no further than it can be checked. All names are plain names in its own folder. `identity` has the
/// length and the number on the device (inode) of each file, in the order of `files`; it tells a file that was put in the
/// place of the run's own. Whether the bytes are the run's is for the tiles' digests to say.
struct JournalNote {
  let direction: PatchRun.Direction
  /// The model as the run was given it, by its name in the journal's folder.
  let modelName: String
  /// Files that the run may change, sorted.
  let files: [String]
  /// Whether the files beside the weights are left as they are.
  let weightsOnly: Bool
  /// Length and number of each file; `nil` in journals of errata before 0.1.0.
  let identity: [(byteCount: Int, number: String)]?

  /// The note of a run that is about to begin.
  init(_ run: PatchRun, _ direction: PatchRun.Direction) throws(ModelFileError) {
    let model = run.model
    self.direction = direction
    modelName = Folder.name(of: model.indexPath ?? model.shards[0].path)
    weightsOnly = run.weightsOnly
    let shards = run.changedShards.map { model.shards[$0] }
      .sorted { Folder.name(of: $0.path) < Folder.name(of: $1.path) }
    files = shards.map { Folder.name(of: $0.path) }
    var identity: [(byteCount: Int, number: String)] = []
    for shard in shards { identity.append((try shard.size(), String(try shard.standing().number))) }
    self.identity = identity
  }

  /// Reads a note; `nil` where it is not one.
  init?(_ json: JSONValue) {
    guard let way = json["direction"]?.text.flatMap(PatchRun.Direction.init(rawValue:)),
      let model = json["model"]?.text, let names = json["files"]?.elements, !names.isEmpty
    else { return nil }
    (direction, modelName, files) = (way, model, names.compactMap(\.text))
    guard files.count == names.count else { return nil }
    weightsOnly = json["weightsOnly"] == .bool(true)
    let stored = json["identity"]?.elements?.compactMap { entry -> (byteCount: Int, number: String)? in
      guard let count = entry["bytes"]?.integer, let number = entry["number"]?.text else { return nil }
      return (count, number)
    }
    identity = stored
    if let stored, stored.count != files.count { return nil }
  }

  /// Whether all names are plain names, which cannot lead out of a folder.
  var isWithinFolder: Bool {
    (files + [modelName]).allSatisfy { name in
      !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
        && !name.utf8.contains(0)
    }
  }

  var json: JSONValue {
    .object([
      .init("weightsOnly", .bool(weightsOnly)), .init("direction", .string(direction.rawValue)),
      .init("model", .string(modelName)),
      .init("files", .array(files.map { .string($0) })),
      .init(
        "identity",
        .array(
          (identity ?? []).map { ["bytes": .integer($0.byteCount), "number": .string($0.number)] })),
    ])
  }

  /// Whether the files in a folder are those that the run was on, not others of their names.
  func isOf(filesIn folder: String) -> Bool {
    guard let identity else { return false }
    return zip(files, identity).allSatisfy { name, noted in
      guard let file = try? OpenFile(Folder.path(folder, name), .inspecting) else { return false }
      return (try? file.size()) == noted.byteCount
        && (try? file.standing().number).map { String($0) } == noted.number
    }
  }
}
