extension ModelFile {
  /// Whether the model is a folder of files, so that a copy of it is one too.
  public var isFolder: Bool { Folder.exists(path) || indexPath != nil || shards.count > 1 }

  /// The tensors that one weight file's header tells of, checked as when a model is opened.
  public static func tensors(in file: OpenFile) throws(ModelFileError) -> [TensorInfo] {
    try GGUFHeader.isLikely(in: file)
      ? GGUFHeader(reading: file).tensors : SafetensorsHeader(reading: file).tensors
  }

  /// Takes the weights for reading: no run changes them in place as long as this value, or a copy, lives.
  ///
  /// - Throws: `locked` while a run changes them.
  public func lockForReading() throws(ModelFileError) {
    for shard in shards { try shard.lock(exclusively: false) }
  }

  /// Names of files beside the weights that tools read with them.
  private static let companionNames = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "chat_template.jinja",
    "chat_template.json", "preprocessor_config.json", "quantization_config.json",
  ]

  /// Every file that the model is made of or is read with: for a model that was named as a folder all files in it.
  public var ownFiles: [String] {
    let weights = shards.map(\.path) + (indexPath.map { [$0] } ?? [])
    if Folder.exists(path) {
      return weights
        + ((try? Folder.names(in: path)) ?? []).map { Folder.path(path, $0) }.filter { !Folder.exists($0) }
    }
    return weights + ModelFile.companionNames.map { Folder.path(folder, $0) }.filter(Folder.fileExists)
  }

  /// Whether a file, through links, lies among the Hugging Face hub's blobs, whose names are digests of their bytes:
  /// `models--OWNER--NAME/blobs/DIGEST`.
  public static func isInHubCache(_ path: String) -> Bool {
    let parts = (Folder.resolved(path) ?? path).split(separator: "/")
    return zip(parts, parts.dropFirst()).contains { $0.hasPrefix("models--") && $1 == "blobs" }
  }
}
