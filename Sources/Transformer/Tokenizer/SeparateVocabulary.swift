internal import ModelFiles

/// `vocab.json` and `merges.txt`: byte-level BPE as it was published before `tokenizer.json`.
///
/// The two files do not say how text is split before the merges; the class of the tokenizer does, or the model's type.
///
/// - Source: huggingface/transformers `convert_slow_tokenizer.py` (`GPT2Converter`, `Qwen2Converter`), `tokenization_gpt2.py`,
///   `tokenization_qwen2.py`; huggingface/tokenizers `models/bpe/model.rs`, `BPE::read_file`.
struct SeparateVocabulary {
  /// The parts as a `tokenizer.json` would have them.
  let json: TokenizerJSON

  /// One way to split text.
  private struct Form {
    let classes: Set<String>
    /// Where no class is named.
    let modelTypes: Set<String>
    let normalizer: JSONValue
    /// Before the bytes; `nil` for GPT-2's own pattern.
    let pattern: String?
    /// The token that begins and ends texts where nothing names one.
    let defaultEnd: String
  }

  private static let forms: [Form] = [
    Form(
      classes: ["GPT2Tokenizer"], modelTypes: ["gpt2", "gptj", "gpt_neo", "opt"], normalizer: .null,
      pattern: nil, defaultEnd: "<|endoftext|>"),
    Form(
      classes: ["Qwen2Tokenizer"], modelTypes: ["qwen2", "qwen3"], normalizer: ["type": "NFC"],
      pattern:
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
      defaultEnd: "<|endoftext|>"),
  ]

  /// Files of tokenizers that are of another kind.
  private static let others = ["tokenizer.model", "spiece.model", "vocab.txt", "tekken.json", "vocab.bpe"]

  /// Reads both files.
  ///
  /// - Throws: `TokenizerError.noTokenizer`, `otherTokenizer` where there is no such pair; `unknownSplitting`.
  init(in folder: String, _ settings: TokenizerSettings) throws {
    let paths = ["vocab.json", "merges.txt"].map { Folder.path(folder, $0) }
    guard paths.allSatisfy({ Folder.fileExists($0) }) else {
      let names = ["vocab.json", "merges.txt"] + Self.others
      let found = names.filter { Folder.fileExists(Folder.path(folder, $0)) }
      throw found.isEmpty
        ? TokenizerError.noTokenizer(place: folder) : .otherTokenizer(place: folder, found: found)
    }
    let form = Self.forms.first { form in
      settings.tokenizerClass.map { form.classes.contains($0) }
        ?? settings.modelType.map { form.modelTypes.contains($0) } ?? false
    }
    guard let form else {
      throw TokenizerError.unknownSplitting(
        place: folder, tokenizerClass: settings.tokenizerClass ?? settings.modelType)
    }
    let vocabulary = try Self.vocabulary(paths[0])
    let added = try Self.addedTokens(folder, settings, form, vocabulary)
    json = TokenizerJSON(
      file: paths[0],
      members: [
        "normalizer": form.normalizer, "decoder": ["type": "ByteLevel"], "added_tokens": .array(added),
        "pre_tokenizer": Self.preTokenizer(form, addsSpace: settings.all["add_prefix_space"]?.truth ?? false),
      ], vocabulary: vocabulary, merges: try Self.merges(paths[1]))
  }

  private static func preTokenizer(_ form: Form, addsSpace: Bool) -> JSONValue {
    let bytes: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": .bool(addsSpace), "use_regex": .bool(form.pattern == nil),
    ]
    guard let pattern = form.pattern else { return bytes }
    let split: JSONValue = [
      "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": .bool(false),
    ]
    return ["type": "Sequence", "pretokenizers": .array([split, bytes])]
  }

  private static func vocabulary(_ path: String) throws -> [(content: String, token: Int)] {
    let text = try TextFile(path, .json, limit: TextFile.Limit.tokenizer)
    do throws(JSONError) {
      var reader = JSONReader(text.bytes[...])
      let vocabulary = try TokenizerJSON.vocabulary(&reader)
      try reader.finish()
      return vocabulary
    } catch { throw TokenizerError.invalidJSON(error, file: path) }
  }

  /// One merge a line, after a line that names the version.
  private static func merges(_ path: String) throws -> [(String, String)?] {
    try TextFile(path, .text, limit: TextFile.Limit.tokenizer).bytes.split(separator: UInt8(ascii: "\n"))
      .compactMap { line in
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        return line.isEmpty || line.starts(with: "#version".utf8) ? nil : .some(TokenizerJSON.merge(line))
      }
  }

  /// Tokens beside the vocabulary, and those of it that stand for no text, in the order of their numbers.
  private static func addedTokens(
    _ folder: String, _ settings: TokenizerSettings, _ form: Form,
    _ vocabulary: [(content: String, token: Int)]
  ) throws -> [JSONValue] {
    var entries: [Int: [JSONValue.Member]] = [:]
    for member in settings.all["added_tokens_decoder"]?.members ?? [] {
      guard let number = Int(member.key), let members = member.value.members else {
        throw TokenizerError.missingValue(key: "added_tokens_decoder.\(member.key)", file: settings.file)
      }
      entries[number] = members
    }
    for member in try TokenizerSettings.read(folder, "added_tokens.json")?.members ?? [] {
      guard let number = member.value.integer else {
        throw TokenizerError.missingValue(key: member.key, file: Folder.path(folder, "added_tokens.json"))
      }
      if entries[number] == nil { entries[number] = [.init("content", .string(member.key))] }
    }
    let map = try TokenizerSettings.read(folder, "special_tokens_map.json")
    let names = ["bos_token", "eos_token", "unk_token", "pad_token"]
    var special = Set(
      names.compactMap { name in TokenizerSettings.content(map?[name] ?? settings.all[name]) })
    for value in (map?["additional_special_tokens"] ?? settings.all["additional_special_tokens"])?.elements
      ?? []
    {
      if let content = TokenizerSettings.content(value) { special.insert(content) }
    }
    if special.isEmpty { special = [form.defaultEnd] }
    for (content, number) in vocabulary where special.contains(content) && entries[number] == nil {
      entries[number] = [.init("content", .string(content))]
    }
    return entries.sorted { $0.key < $1.key }.map { number, members in
      var members = members
      let content = members.first { $0.key == "content" }?.value.text
      members.append(.init("id", .integer(number)))
      if let content, special.contains(content), !members.contains(where: { $0.key == "special" }) {
        members.append(.init("special", .bool(true)))
      }
      return .object(members)
    }
  }
}
