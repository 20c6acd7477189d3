import Floor
import ModelFiles

@testable import Patches
@testable import Transformer

extension Inputs {
  /// Model files and what lies beside them.
  static let models: [String: Use] = [
    "safetensors": { try model($0, in: $1, "m.safetensors") },
    "gguf": { try model($0, in: $1, "m.gguf") },
    "index": { bytes, folder in
      try folder.write(folder.baseBytes, "index/model-00001-of-00002.safetensors")
      try folder.write(folder.baseBytes, "index/base.safetensors")
      try folder.write(bytes, "index/model.safetensors.index.json")
      try command(bytes, "show", "index")
      for tensor in try ModelFile("index").tensors { _ = tensor.byteCount }
    },
    "configuration": { bytes, folder in
      try folder.write(folder.baseBytes, "configured/model.safetensors")
      try folder.write(bytes, "configured/config.json")
      try command(bytes, "show", "configured")
      _ = try NetworkConfiguration(of: ModelFile("configured"))
    },
    "tokenizer": { bytes, _ in try use(Tokenizer(json: bytes, file: "tokenizer.json")) },
    "vocabulary": { bytes, folder in
      // vocab.json, merges.txt and tokenizer_config.json, each ended by a zero byte.
      let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
      for (part, name) in zip(parts, ["vocab.json", "merges.txt", "tokenizer_config.json"]) {
        try folder.write(Array(part), "words/" + name)
      }
      try use(Tokenizer(folder: "words"))
    },
    "chat": { bytes, folder in
      // tokenizer_config.json, special_tokens_map.json and chat_template.jinja, each ended by a zero byte.
      try folder.write(folder.baseBytes, "talking/model.safetensors")
      folder.remove("talking/chat_template.jinja", "talking/special_tokens_map.json")
      let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
      for (part, name) in zip(
        parts, ["tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"])
      {
        try folder.write(Array(part), "talking/" + name)
      }
      for name in [nil, "default", "tool_use"] {
        guard let template = try? ChatTemplate(of: ModelFile("talking"), named: name) else { continue }
        _ = try? template.render([ChatMessage(role: "user", content: "é")], addsGenerationPrompt: true)
      }
    },
    "packed": { bytes, folder in
      // config.json, ended by a zero byte, and the weights.
      guard let end = bytes.firstIndex(of: 0) else { return }
      try folder.write(Array(bytes[..<end]), "packed/config.json")
      try folder.write(Array(bytes[(end + 1)...]), "packed/model.safetensors")
      try command(bytes, "show", "packed")
      _ = try Network(ModelFile("packed"), threads: 1)
    },
    "bundle": { bytes, folder in
      // A model.sig, whose base is the folder's one model.
      try folder.write(folder.baseBytes, "signed/model.safetensors")
      try folder.write(bytes, "signed/model.sig")
      try folder.write(FuzzFolder.pem, "key.pem")
      try command(bytes, "show", "signed")
      let signature = try ModelSignature("signed/model.sig")
      do { try signature.check(key: "key.pem") } catch {}
      try signature.check(filesOf: ModelFile("signed"))
    },
    "record": { bytes, folder in
      let path = try folder.write(bytes, "errata-record.jsonl")
      let record = try PatchRecord(path)
      _ = try record.standing(in: ModelFile(folder.base), threads: 1)
    },
  ]

  private static func use(_ tokenizer: Tokenizer) throws {
    let text = tokenizer.encode("Ada lives  in\nOslo é 中 1234 <s>")
    _ = tokenizer.decode(text.tokens.map { Int($0) })
  }

  private static func model(_ bytes: [UInt8], in folder: FuzzFolder, _ name: String) throws {
    let path = try folder.write(bytes, name)
    try command(bytes, "show", path, "-v", "--json")
    let model = try ModelFile(path)
    for tensor in model.tensors.prefix(8) where tensor.byteCount < 1 << 16 {
      _ = try Digest(of: tensor, in: model.file(of: tensor), threads: 1)
      guard tensor.elementType.isDecodable else { continue }
      _ = tensor.elementType.decoded(
        try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
    }
    if name.hasSuffix(".gguf") { try? use(Tokenizer(gguf: model)) }
    _ = try? ChatTemplate(of: model)
    _ = try NetworkConfiguration(of: model)
  }
}
