extension ModelFile {
  /// Whether the model is a folder of files, so that a copy of it is one too.
  public var isFolder: Bool { Folder.exists(path) || indexPath != nil || shards.count > 1 }

  /// The tensors that one weight file's header tells of, checked as when a model is opened.
  public static func tensors(in file: OpenFile) throws(ModelFileError) -> [TensorInfo] {
    try GGUFHeader.isLikely(in: file)
      ? GGUFHeader(reading: file).tensors : SafetensorsHeader(reading: file).tensors
  }
}
