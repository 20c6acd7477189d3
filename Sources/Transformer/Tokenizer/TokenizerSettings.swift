internal import ModelFiles

/// What the files beside a `tokenizer.json` say of its tokens.
struct TokenizerSettings {
  /// Numbers of the tokens that end a text, from `generation_config.json`, else from `config.json`.
  private(set) var endNumbers: [Int] = []
  /// Their text, and that of the first token, from `tokenizer_config.json`.
  private(set) var endContent: String?
  private(set) var beginContent: String?
  /// Whether the tokens belong to every text.
  private(set) var addsBegin = false
  /// `tokenizer_class`, without the ending of its faster twin.
  private(set) var tokenizerClass: String?
  /// `model_type` of `config.json`.
  private(set) var modelType: String?
  /// All of `tokenizer_config.json`.
  private(set) var all: JSONValue = .null
  let file: String

  init(in folder: String) throws {
    file = Folder.path(folder, "tokenizer_config.json")
    if let settings = try Self.read(folder, "tokenizer_config.json") {
      all = settings
      tokenizerClass = settings["tokenizer_class"]?.text.map {
        $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0
      }
      endContent = Self.content(settings["eos_token"])
      beginContent = Self.content(settings["bos_token"])
      addsBegin = settings["add_bos_token"]?.truth ?? false
    }
    modelType = try Self.read(folder, "config.json")?["model_type"]?.text
    for name in ["generation_config.json", "config.json"] where endNumbers.isEmpty {
      let value = try Self.read(folder, name)?["eos_token_id"]
      endNumbers = (value?.integer.map { [$0] } ?? value?.elements?.compactMap(\.integer) ?? []).filter {
        $0 >= 0
      }
    }
  }

  static func read(_ folder: String, _ name: String) throws -> JSONValue? {
    let path = Folder.path(folder, name)
    guard Folder.fileExists(path) else { return nil }
    return try JSONValue(readingFile: path)
  }

  /// A token as text, or as an object with its content.
  static func content(_ value: JSONValue?) -> String? { value?.text ?? value?["content"]?.text }
}

extension TokenizerParts {
  /// Adds the tokens that end a text, and the first one where only the settings name it.
  mutating func add(_ settings: TokenizerSettings) throws(TokenizerError) {
    endTokens.formUnion(settings.endNumbers)
    if let content = settings.endContent, let token = token(of: content) { endTokens.insert(Int(token)) }
    if settings.addsBegin, beginning.isEmpty, let content = settings.beginContent {
      guard let token = token(of: content) else {
        throw .unknownToken(content, key: "bos_token", file: settings.file)
      }
      beginning = [token]
    }
  }

  private func token(of content: String) -> Int32? {
    let bytes = Array(content.utf8)
    if let added = addedContents.first(where: { $0.value == bytes }) { return added.key }
    return encoder.vocabulary.token(bytes)
  }
}
