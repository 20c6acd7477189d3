public import ModelFiles

extension Tokenizer {
  /// The tokenizer in the metadata of a GGUF file.
  public init(gguf model: ModelFile) throws {
    let vocabulary = try GGUFVocabulary(model)
    switch vocabulary.model {
    case "gpt2": self.init(try TokenizerParts(byteLevel: vocabulary))
    case "llama": self.init(try TokenizerParts(scored: vocabulary))
    default: throw TokenizerError.unsupportedModel(vocabulary.model, file: model.path)
    }
  }
}

// MARK: Byte-level

extension TokenizerParts {
  /// A model of kind `gpt2`: merges by rank over the byte alphabet.
  ///
  /// - Source: llama.cpp `src/llama-vocab.cpp`, `llm_tokenizer_bpe`.
  init(byteLevel source: GGUFVocabulary) throws {
    let kind = try GGUFPreTokenizer(source)
    var vocabulary = Vocabulary(expecting: source.tokens.count)
    for (number, content) in source.tokens.enumerated() {
      let (bytes, findable) = BytePairModel.stored(content, isByteLevel: true)
      // An empty token is a name to llama.cpp that no text has.
      guard vocabulary.insert(bytes, number, findable: findable && !bytes.isEmpty) else {
        throw TokenizerError.duplicateToken(number, file: source.file)
      }
    }
    let lines = try source.texts("tokenizer.ggml.merges")
    var merges = MergeTable(expecting: lines.count)
    for (index, line) in lines.enumerated() {
      // The first space after the first character divides; the alphabet has no spaces.
      let parts = line.utf8.split(separator: 0x20, maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
      guard parts.count == 2,
        let merge = BytePairModel.merge(parts[0], parts[1], index, vocabulary, isByteLevel: true)
      else { throw TokenizerError.badMerge(index: index, file: source.file) }
      // Of two merges of one pair llama.cpp keeps the first.
      merges.insert(merge.left, merge.right, merge.merge, replacing: false)
    }
    encoder = WordEncoder(
      vocabulary: vocabulary, merges: merges,
      alphabet: .bytes((0...255).map { vocabulary.token([UInt8($0)]) ?? -1 }))
    encoder.ignoresMerges = kind.ignoresMerges
    splitting = .patterns(kind.patterns)
    decoder = TokenDecoder(steps: [], isByteLevel: true)
    if kind.isMissing { notices.append(.missingPreTokenizer(file: source.file)) }
    try addSpecialTokens(source, addsBegin: kind.addsBegin, begin: nil, end: nil)
  }
}

// MARK: Scores

extension TokenizerParts {
  /// Longest token that is taken apart; real ones are below a hundred bytes.
  private static let tokenByteLimit = 512

  /// A model of kind `llama`: of all neighbors that are a token together, those of the highest score become one.
  ///
  /// Every way to cut a token in two tokens is a merge, ranked by the token's score; that makes it the same machine as the
  /// other model.
  ///
  /// - Source: llama.cpp `src/llama-vocab.cpp`, `llm_tokenizer_spm_session`.
  init(scored source: GGUFVocabulary) throws {
    var vocabulary = Vocabulary(expecting: source.tokens.count)
    for (number, content) in source.tokens.enumerated() {
      let bytes = Array(content.utf8)
      guard bytes.count <= Self.tokenByteLimit else {
        throw TokenizerError.tokenTooLong(
          number, byteCount: bytes.count, limit: Self.tokenByteLimit, file: source.file)
      }
      guard vocabulary.insert(bytes, number, findable: !bytes.isEmpty) else {
        throw TokenizerError.duplicateToken(number, file: source.file)
      }
    }
    let ranks = try Self.ranks(source)
    var partial: [UInt32: Int32] = [:]
    var merges = MergeTable(expecting: source.tokens.count * 4)
    for (number, bytes) in vocabulary.tokens.enumerated() {
      guard let bytes = bytes?.span else { continue }
      /// A token or, if it is a single character, the number it has for being part of one.
      func part(_ range: Range<Int>) -> Int32? {
        if let token = vocabulary.token(bytes.extracting(range)) { return token }
        let (value, length) = bytes.scalar(at: range.lowerBound)
        guard length == range.count else { return nil }
        if let known = partial[value] { return known }
        partial[value] = Int32(vocabulary.tokens.count + partial.count)
        return partial[value]
      }
      for cut in bytes.indices.dropFirst() where bytes[cut] & 0xC0 != 0x80 {
        guard let left = part(0..<cut), let right = part(cut..<bytes.count) else { continue }
        merges.insert(left, right, .init(rank: ranks[number], token: Int32(number)), replacing: false)
      }
    }
    encoder = WordEncoder(vocabulary: vocabulary, merges: merges, alphabet: .characters(marksSpaces: true))
    encoder.partialCharacters = partial
    encoder.fallback = try Self.byteTokens(vocabulary, source.file)
    splitting = .marksUnlessJoined(SetOfCharacters(before: Mark.scalar, in: vocabulary.tokens))
    normalization.marksSpaces = true
    let addsSpace = try source.truth("tokenizer.ggml.add_space_prefix") ?? true
    prefix = addsSpace ? .beforeNormalized : .none
    decoder = TokenDecoder(
      steps: [
        .replace(Mark.bytes, [0x20]), .byteFallback, .fuse, .strip(" ", start: addsSpace ? 1 : 0, stop: 0),
      ],
      isByteLevel: false)
    try addSpecialTokens(source, addsBegin: true, begin: 1, end: 2)
  }

  /// The place of each token's score among all scores, the highest first.
  private static func ranks(_ source: GGUFVocabulary) throws -> [UInt32] {
    let scores = try source.numbers("tokenizer.ggml.scores") ?? source.tokens.map { _ in 0 }
    guard scores.count >= source.tokens.count, !scores.contains(where: \.isNaN) else {
      throw TokenizerError.missingValue(key: "tokenizer.ggml.scores", file: source.file)
    }
    var places: [Double: UInt32] = [:]
    for (place, score) in Set(scores).sorted(by: >).enumerated() { places[score] = UInt32(place) }
    return scores.map { places[$0] ?? 0 }
  }

  private static func byteTokens(_ vocabulary: Vocabulary, _ file: String) throws(TokenizerError) -> [Int32] {
    var tokens = BytePairModel.byteTokens(vocabulary)
    for byte in tokens.indices where tokens[byte] < 0 {
      guard let token = vocabulary.token([UInt8(byte)]) else {
        throw .missingByteToken(UInt8(byte), file: file)
      }
      tokens[byte] = token
    }
    return tokens
  }
}

// MARK: Special tokens

extension TokenizerParts {
  /// Kinds of tokens in `tokenizer.ggml.token_type`.
  private enum Kind {
    static let unknown = 2
    static let control = 3
    static let userDefined = 4
  }

  /// Texts of tokens that llama.cpp takes for the end of a text, whatever their kind.
  private static let endContents: Set<String> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
    "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
  ]

  private mutating func addSpecialTokens(
    _ source: GGUFVocabulary, addsBegin: Bool, begin: Int?, end: Int?
  ) throws {
    let kinds = try source.numbers("tokenizer.ggml.token_type")?.map { Int(exactly: $0) ?? 0 }
    guard kinds.map({ $0.count >= source.tokens.count }) ?? true else {
      throw TokenizerError.missingValue(key: "tokenizer.ggml.token_type", file: source.file)
    }
    addedOrder = .longestAnywhere
    beginsChats = true
    for (number, content) in source.tokens.enumerated() where !content.isEmpty {
      let isEnd = Self.endContents.contains(content)
      if isEnd { endTokens.insert(number) }
      let kind = isEnd ? Kind.control : kinds?[number] ?? 1
      guard [Kind.unknown, Kind.control, Kind.userDefined].contains(kind) else { continue }
      var token = AddedToken(token: Int32(number), content: Array(content.utf8))
      token.isSpecial = kind != Kind.userDefined
      added.append(token)
      addedContents[token.token] = token.content
    }
    let begin = try source.token("tokenizer.ggml.bos_token_id") ?? begin
    let end = try source.token("tokenizer.ggml.eos_token_id") ?? end
    if let end, end < source.tokens.count { endTokens.insert(end) }
    if let token = try source.token("tokenizer.ggml.eot_token_id") { endTokens.insert(token) }
    if try source.truth("tokenizer.ggml.add_bos_token") ?? addsBegin {
      guard let begin, begin < source.tokens.count else {
        throw TokenizerError.missingValue(key: "tokenizer.ggml.bos_token_id", file: source.file)
      }
      beginning = [Int32(begin)]
    }
    if try source.truth("tokenizer.ggml.add_eos_token") ?? false {
      guard let end, end < source.tokens.count else {
        throw TokenizerError.missingValue(key: "tokenizer.ggml.eos_token_id", file: source.file)
      }
      ending = [Int32(end)]
    }
  }
}
