internal import Floor
public import ModelFiles

/// A tensor that gets another element type.
public struct PromotedTensor: Sendable {
  /// The tensor in the model.
  public let tensor: TensorInfo
  /// Its type afterwards.
  public let elementType: ElementType
  /// Its data afterwards.
  public let bytes: [UInt8]
  /// What to note for people.
  public let measured: JSONValue?

  /// Names all of it.
  public init(tensor: TensorInfo, elementType: ElementType, bytes: [UInt8], measured: JSONValue?) {
    self.tensor = tensor
    self.elementType = elementType
    self.bytes = bytes
    self.measured = measured
  }
}

extension PatchWriter {
  /// Finishes a patch whose changes are tensors of a GGUF model that get other types: both sides of each are stored whole, and
  /// the headers of both sides with them.
  ///
  /// - Throws: `PortError.notRestorable` for a model whose files could not be restored.
  public func finish(
    tool: String, family: String?, edit: JSONValue?, promoting tensors: [PromotedTensor], of model: ModelFile,
    threads: Int
  ) throws -> PatchFile {
    guard try ModelLayout.isComplete(model) else { throw PortError.notRestorable(model: model.path) }
    let folder = try scratchFolder()
    defer { withExtendedLifetime(folder) {} }
    for (shard, file) in model.shards.enumerated() {
      let replacing = tensors.filter { $0.tensor.shard == shard }.map { promoted in
        NewTensor(
          name: promoted.tensor.name, elementType: promoted.elementType, shape: promoted.tensor.shape,
          elements: promoted.bytes)
      }
      try GGUFWriter.rewrite(
        model.ggufHeaders[shard], of: file,
        replacing: Dictionary(uniqueKeysWithValues: replacing.map { ($0.name, $0) }),
        to: folder.path(Folder.name(of: file.path)))
    }
    let edited = try ModelFile(folder.path(Folder.name(of: model.shards[0].path)))
    let sorted = tensors.sorted { $0.tensor.name.utf8.lexicographicallyPrecedes($1.tensor.name.utf8) }
    for promoted in sorted {
      try appendWhole(
        promoted.tensor.name, from: model, to: edited, threads: threads, measured: promoted.measured)
    }
    let base = try ModelLayout(of: model)
    // The copy stands in a folder of its own; whether the model does is the user's affair.
    let result = ModelLayout(isFolder: base.isFolder, files: try ModelLayout(of: edited).files)
    return try finish(tool: tool, family: family, edit: edit, layout: (base, result))
  }
}
