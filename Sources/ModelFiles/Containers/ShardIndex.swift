/// A `*.safetensors.index.json`: which file holds each tensor of a sharded model.
struct ShardIndex {
  /// Tensor name and file name, in the order of the index.
  var entries: [(tensor: String, file: String)] = []

  /// Reads the index; every file it names must be a plain name, so that it cannot lead out of the folder.
  init(reading file: OpenFile) throws(ModelFileError) {
    let size = try file.size()
    guard size <= SafetensorsHeader.lengthLimit else {
      throw ModelFileError(
        .headerTooLarge(length: UInt64(size), limit: SafetensorsHeader.lengthLimit), file: file.path)
    }
    let text = try TextFile(file, .json, limit: SafetensorsHeader.lengthLimit)
    var found: [(tensor: String, file: String, offset: Int)] = []
    do throws(JSONError) {
      var reader = JSONReader(text.bytes[...])
      try reader.object(asNames: true) { reader, key, _ throws(JSONError) in
        guard key == "weight_map" else { return try reader.skip() }
        try reader.object(asNames: true) { reader, tensor, offset throws(JSONError) in
          found.append((tensor, try reader.string(), offset + text.start.byteOffset))
        }
      }
      try reader.finish()
    } catch {
      throw ModelFileError(
        .headerSyntax(error.problem), file: file.path, position: error.place.moved(to: text.start))
    }
    guard !found.isEmpty else { throw ModelFileError(.emptyIndex, file: file.path) }
    for entry in found {
      guard !entry.file.isEmpty, entry.file != ".", entry.file != "..",
        !entry.file.utf8.contains(UInt8(ascii: "/")), !entry.file.utf8.contains(0)
      else {
        throw ModelFileError(
          .shardOutsideFolder(entry.file), file: file.path, tensor: entry.tensor, byteOffset: entry.offset)
      }
    }
    entries = found.map { ($0.tensor, $0.file) }
  }
}
