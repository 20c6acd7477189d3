internal import ModelFiles

extension Tokenizer {
  /// The tokenizer of a `tokenizer.json`; tokens that end a text are named in other files.
  public init(json bytes: [UInt8], file: String) throws(TokenizerError) {
    let json = try TokenizerJSON(bytes, file: file)
    self.init(try TokenizerParts(json))
  }

  /// The tokenizer in a folder, with what the other files of the folder say of it.
  init(folder: String) throws {
    let path = Folder.path(folder, "tokenizer.json")
    let settings = try TokenizerSettings(in: folder)
    let json =
      Folder.fileExists(path)
      ? try TokenizerJSON(try TextFile(path, .json, limit: TextFile.Limit.tokenizer).bytes, file: path)
      : try SeparateVocabulary(in: folder, settings).json
    var parts = try TokenizerParts(json)
    try parts.add(settings)
    self.init(parts)
  }
}

extension TokenizerParts {
  init(_ json: TokenizerJSON) throws(TokenizerError) {
    let components = try TokenizerComponents(json)
    let isByteLevel = components.isByteLevel
    let (vocabulary, merges) = try BytePairModel.read(json, isByteLevel: isByteLevel)
    var encoder = WordEncoder(
      vocabulary: vocabulary, merges: merges,
      alphabet: isByteLevel
        ? .bytes((0...255).map { vocabulary.token([UInt8($0)]) ?? -1 })
        : .characters(marksSpaces: components.marksSpaces))
    encoder.ignoresMerges = try json.flag("ignore_merges")
    encoder.fusesUnknown = try json.flag("fuse_unk")
    if try json.flag("byte_fallback") {
      guard !isByteLevel else {
        throw .unsupportedValue(
          key: "model.byte_fallback", found: "true in a byte-level model", file: json.file)
      }
      encoder.fallback = BytePairModel.byteTokens(vocabulary)
    }
    encoder.unknown = try Self.unknown(json, vocabulary)

    splitting = components.splitting
    if case .marksUnlessJoined = components.splitting, let mark = vocabulary.token(Mark.bytes),
      !encoder.ignoresMerges, mark != encoder.unknown
    {
      splitting = .marksUnlessJoined(SetOfCharacters(before: Mark.scalar, in: vocabulary.tokens))
    } else if case .marksUnlessJoined = components.splitting {
      splitting = .patterns([.everything])
    }
    self.encoder = encoder
    normalization = components.normalization
    prefix = components.prefix
    decoder = components.decoder
    try addTokens(json, components)
    try addTemplate(json)
  }

  private static func unknown(
    _ json: TokenizerJSON, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> Int32? {
    switch json.model["unk_token"] {
    case nil, .null: return nil
    case .string(let content):
      // In a byte-level vocabulary the name may be of characters that stand for no byte.
      if let token = vocabulary.token(Array(content.utf8)) { return token }
      if let bytes = ByteAlphabet.bytes(of: content.unicodeScalars), let token = vocabulary.token(bytes) {
        return token
      }
      // The library looks for it only when it needs it, and fails then.
      if let entry = json.vocabulary.first(where: { $0.content == content }) { return Int32(entry.token) }
      throw .unknownToken(content, key: "model.unk_token", file: json.file)
    default: throw .unsupportedValue(key: "model.unk_token", found: "not a text", file: json.file)
    }
  }

  /// Tokens found before splitting: those of the vocabulary under its numbers, others under the numbers after it.
  private mutating func addTokens(
    _ json: TokenizerJSON, _ components: TokenizerComponents
  ) throws(TokenizerError) {
    var numbers: [[UInt8]: Int] = [:]
    for (content, token) in json.vocabulary { numbers[Array(content.utf8)] = token }
    var next = json.vocabulary.count
    // A number that is given again is that of the last: the place of each, to be taken back.
    var places: [Int32: Int] = [:]
    var found: [AddedToken?] = []
    defer { added += found.compactMap { $0 } }
    for (index, entry) in (json.members["added_tokens"]?.elements ?? []).enumerated() {
      guard let content = entry["content"]?.text, let stated = entry["id"]?.integer else {
        throw .missingValue(key: "added_tokens[\(index)]", file: json.file)
      }
      guard !content.isEmpty else { continue }
      let utf8 = Array(content.utf8)
      let expected = numbers[utf8] ?? next
      guard stated == expected else {
        throw .addedTokenMismatch(content, stated: stated, expected: expected, file: json.file)
      }
      if numbers[utf8] == nil { next += 1 }
      numbers[utf8] = expected
      var token = AddedToken(token: Int32(expected), content: utf8)
      token.isSingleWord = entry["single_word"]?.truth ?? false
      token.stripsLeft = entry["lstrip"]?.truth ?? false
      token.stripsRight = entry["rstrip"]?.truth ?? false
      token.isNormalized = entry["normalized"]?.truth ?? !(entry["special"]?.truth ?? false)
      token.isSpecial = entry["special"]?.truth ?? false
      var shown = utf8
      if token.isNormalized {
        shown = components.normalized(utf8)
        token.content =
          components.marksSpacesInNormalization ? shown.replacing(Mark.bytes, by: [0x20]) : shown
      }
      addedContents[token.token] =
        components.isByteLevel
        ? ByteAlphabet.bytes(of: String(decoding: shown, as: UTF8.self).unicodeScalars) ?? shown : shown
      if let place = places[token.token] { found[place] = nil }
      places[token.token] = found.count
      found.append(token)
    }
  }

  /// Tokens around every text.
  private mutating func addTemplate(_ json: TokenizerJSON) throws(TokenizerError) {
    for processor in (json.members["post_processor"] ?? .null).components("processors") {
      switch processor.kind {
      case "ByteLevel": continue  // moves offsets, not tokens
      case "TemplateProcessing":
        guard let single = processor["single"]?.elements else {
          throw .missingValue(key: "post_processor.single", file: json.file)
        }
        var isBefore = true
        for piece in single {
          if let sequence = piece["Sequence"] {
            guard isBefore, sequence["id"]?.text == "A" else {
              throw .unsupportedPostProcessor(
                "TemplateProcessing with another text than A once", file: json.file)
            }
            isBefore = false
          } else {
            let tokens = try tokens(of: piece, processor, json)
            if isBefore { beginning += tokens } else { ending = tokens + ending }
          }
        }
        guard !isBefore else {
          throw .unsupportedPostProcessor("TemplateProcessing without its text", file: json.file)
        }
      default: throw .unsupportedPostProcessor(processor.kind, file: json.file)
      }
    }
  }

  private func tokens(
    of piece: JSONValue, _ processor: JSONValue, _ json: TokenizerJSON
  ) throws(TokenizerError) -> [Int32] {
    guard let name = piece["SpecialToken"]?["id"]?.text,
      let numbers = processor["special_tokens"]?[name]?["ids"]?.elements
    else { throw .missingValue(key: "post_processor.special_tokens", file: json.file) }
    var tokens: [Int32] = []
    for number in numbers {
      guard let token = number.integer.flatMap({ Int32(exactly: $0) }), isKnown(token) else {
        throw .unknownToken(name, key: "post_processor.special_tokens", file: json.file)
      }
      tokens.append(token)
    }
    return tokens
  }
  private func isKnown(_ token: Int32) -> Bool {
    let tokens = encoder.vocabulary.tokens
    return addedContents[token] != nil || tokens.indices.contains(Int(token)) && tokens[Int(token)] != nil
  }
}
