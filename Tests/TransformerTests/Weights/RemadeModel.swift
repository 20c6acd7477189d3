import ModelFiles
import TestSupport

/// A copy of a family's tiny model under other names, with other settings, or with tensors more or less.
struct RemadeModel {
  let folder: TemporaryFolder
  let model: ModelFile

  init(
    _ name: String, settings: [(String, JSONValue?)] = [], wrapping part: String? = nil,
    without removed: Set<String> = [], adding added: [NewTensor] = [],
    renaming rename: (String) -> String = { $0 }
  ) throws {
    folder = try TemporaryFolder()
    let base = PackageFiles.path("Fixtures/models/families/\(name)")
    var members = try JSONValue(readingFile: base + "/config.json").members ?? []
    for (key, value) in settings {
      members.removeAll { $0.key == key }
      if let value { members.append(.init(key, value)) }
    }
    let config: JSONValue =
      part.map { ["model_type": .string($0), "text_config": .object(members)] } ?? .object(members)
    try folder.write(Array(config.compactText.utf8), to: "config.json")
    let source = try ModelFile(base)
    let tensors = try source.tensors.filter { !removed.contains($0.name) }.map { tensor in
      NewTensor(
        name: rename(tensor.name), elementType: tensor.elementType, shape: tensor.shape,
        elements: try source.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
    }
    try SafetensorsWriter.write(tensors + added, to: folder.path("model.safetensors"))
    model = try ModelFile(folder.path)
  }

  /// A copy of a tensor of a family's tiny model under another name, its last bytes changed by so much.
  static func copy(of tensor: String, in name: String, as new: String, changing change: UInt8 = 0) throws
    -> NewTensor
  {
    let source = try ModelFile(PackageFiles.path("Fixtures/models/families/\(name)"))
    let info = try source.tensor(tensor)
    var bytes = try source.file(of: info).read(info.byteCount, at: info.byteRange.lowerBound)
    bytes[bytes.count - 2] ^= change
    return NewTensor(name: new, elementType: info.elementType, shape: info.shape, elements: bytes)
  }
}
