internal import Floor
internal import ModelFiles
internal import Patches
internal import Transformer

extension Tokenizer {
  /// Tells tokenizers apart: values are found for the tokens of a text, and are no use for others.
  ///
  /// SHA-256 over the files that it is read from, or the vocabulary in the metadata of a GGUF file, and the tokens at the ends of texts.
  func fingerprint(of model: ModelFile) throws -> Digest {
    var bytes = Array("\(beginToken ?? -1) \(endTokens.sorted())\n".utf8)
    switch model.format {
    case .gguf:
      for field in model.ggufMetadata where field.key.hasPrefix("tokenizer.ggml.") {
        bytes += Array("\(field.key)\n".utf8)
        bytes += Digest(of: try field.value.bytes()).bytes
      }
    case .safetensors:
      for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
        let path = Folder.path(model.folder, name)
        guard Folder.fileExists(path) else { continue }
        let file = try OpenFile(path, .reading)
        bytes += Array("\(name)\n".utf8)
        bytes += Digest(of: try file.read(try file.size(), at: 0)).bytes
        // The first decides: the others are the same in an older form.
        if name == "tokenizer.json" { break }
      }
    }
    return Digest(of: bytes)
  }
}
