public import ModelFiles

extension ChatTemplate {
  /// A model's template, or another.
  ///
  /// - Parameter wanted: a file; or the name of one of several that the model brings, or of a built-in one. `nil` for the model's own.
  /// - Throws: `noTemplate`, `unknownName`; `syntax` and `unsupported` for a template that cannot be run.
  public init(of model: ModelFile, named wanted: String? = nil) throws {
    let own = try Own(model)
    guard let wanted else {
      guard let first = own.templates.first else {
        throw ChatTemplateError.noTemplate(place: own.place, known: Self.builtIn.map(\.name))
      }
      try self.init(first.text, name: first.name, specialTokens: own.specialTokens)
      return
    }
    if Folder.fileExists(wanted) {
      let text = try TextFile(wanted, .text, limit: TextFile.Limit.text).text
      try self.init(text, name: wanted, specialTokens: own.specialTokens)
    } else if let named = own.templates.first(where: { $0.variant == wanted }) {
      try self.init(named.text, name: named.name, specialTokens: own.specialTokens)
    } else if let known = Self.builtIn.first(where: { $0.name == wanted }) {
      try self.init(known.text, name: wanted, specialTokens: own.specialTokens)
    } else {
      throw ChatTemplateError.unknownName(
        wanted, known: own.templates.compactMap(\.variant) + Self.builtIn.map(\.name))
    }
  }

  /// What a model brings.
  private struct Own {
    /// The one that is meant where none is named comes first.
    var templates: [(variant: String?, name: String, text: String)] = []
    var specialTokens: [String: String] = [:]
    let place: String

    init(_ model: ModelFile) throws {
      switch model.format {
      case .gguf:
        place = model.path
        try read(model)
      case .safetensors:
        place = model.folder
        try read(folder: model.folder)
      }
      if let place = templates.firstIndex(where: { $0.variant == nil || $0.variant == "default" }) {
        templates.insert(templates.remove(at: place), at: 0)
      }
    }

    /// - Source: llama.cpp `src/llama-model.cpp`, `llama_model_chat_template`.
    private mutating func read(_ model: ModelFile) throws {
      guard let header = model.ggufHeaders.first else { return }
      let key = "tokenizer.chat_template"
      if let text = try header[key]?.text() { templates.append((nil, key, text)) }
      for field in header.metadata where field.key.hasPrefix(key + ".") {
        if let text = try field.value.text() {
          templates.append((String(field.key.dropFirst(key.count + 1)), field.key, text))
        }
      }
      let tokens = try header["tokenizer.ggml.tokens"]?.elements() ?? []
      for (name, key) in [
        ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"),
      ] {
        guard let number = header["tokenizer.ggml.\(key)_token_id"]?.integer, tokens.indices.contains(number)
        else { continue }
        specialTokens[name] = try tokens[number].text()
      }
    }

    /// - Source: huggingface/transformers `tokenization_utils_base.py`, `from_pretrained` and `get_chat_template`.
    private mutating func read(folder: String) throws {
      let file = "chat_template.jinja"
      let path = Folder.path(folder, file)
      if Folder.fileExists(path) {
        templates.append((nil, file, try TextFile(path, .text, limit: TextFile.Limit.text).text))
      }
      let settings = try TokenizerSettings.read(folder, "tokenizer_config.json")
      let source = "tokenizer_config.json, chat_template"
      if templates.isEmpty, let own = settings?["chat_template"] {
        if let text = own.text { templates.append((nil, source, text)) }
        for entry in own.elements ?? [] {
          guard let name = entry["name"]?.text, let text = entry["template"]?.text else {
            throw TokenizerError.missingValue(
              key: "chat_template", file: Folder.path(folder, "tokenizer_config.json"))
          }
          templates.append((name, "\(source) \(name)", text))
        }
      }
      let map = try TokenizerSettings.read(folder, "special_tokens_map.json")
      for member in (map?.members ?? []) + (settings?.members ?? []) where member.key.hasSuffix("_token") {
        if let content = TokenizerSettings.content(member.value) { specialTokens[member.key] = content }
      }
    }
  }
}
