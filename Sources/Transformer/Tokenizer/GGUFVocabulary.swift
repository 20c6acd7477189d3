internal import ModelFiles

/// The tokenizer's fields in the metadata of a GGUF file.
struct GGUFVocabulary {
  let file: String
  /// `gpt2`, `llama` or another.
  let model: String
  let tokens: [String]
  private let header: GGUFHeader

  init(_ model: ModelFile) throws {
    file = model.path
    guard let header = model.ggufHeaders.first, let kind = try header["tokenizer.ggml.model"]?.text() else {
      throw TokenizerError.noTokenizer(place: model.path)
    }
    self.header = header
    self.model = kind
    tokens = try Self.texts(header, "tokenizer.ggml.tokens", file)
  }

  /// A list of texts.
  func texts(_ key: String) throws -> [String] { try Self.texts(header, key, file) }

  private static func texts(_ header: GGUFHeader, _ key: String, _ file: String) throws -> [String] {
    guard let value = header[key], value.elementType == .string else {
      throw TokenizerError.missingValue(key: key, file: file)
    }
    return try value.elements().map { try $0.text() ?? "" }
  }

  /// A list of numbers, if it is there.
  func numbers(_ key: String) throws -> [Double]? {
    guard let value = header[key] else { return nil }
    guard value.elementType == .float32 || value.elementType == .int32 else {
      throw TokenizerError.missingValue(key: key, file: file)
    }
    return try value.elements().map { $0.number ?? .nan }
  }

  func text(_ key: String) throws -> String? { try header[key]?.text() }

  func truth(_ key: String) throws(TokenizerError) -> Bool? {
    guard let value = header[key] else { return nil }
    guard let truth = value.truth else { throw .missingValue(key: key, file: file) }
    return truth
  }

  /// The number of a token; as in llama.cpp, one that is out of range counts as not given.
  func token(_ key: String) throws(TokenizerError) -> Int? {
    guard let value = header[key] else { return nil }
    guard let number = value.integer else { throw .missingValue(key: key, file: file) }
    return tokens.indices.contains(number) ? number : nil
  }
}

/// What `tokenizer.ggml.pre` says of the splitting.
///
/// - Source: llama.cpp `src/llama-vocab.cpp`, `llama_vocab::impl::load` and `llm_tokenizer_bpe`.
struct GGUFPreTokenizer {
  let patterns: [SplittingPattern]
  var ignoresMerges = false
  var addsBegin = false
  /// Whether the file does not say.
  let isMissing: Bool

  init(_ source: GGUFVocabulary) throws {
    let stated = try source.text("tokenizer.ggml.pre")
    isMissing = stated == nil
    let name = stated ?? "default"
    switch name {
    case "default": patterns = [.punctuationRuns, .gpt2, .numberRuns, .threeDigits]
    case "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum",
      "modern-bert", "exaone4", "mpt", "olmo", "jais", "trillion", "granite-docling":
      patterns = [.gpt2]
    case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2":
      patterns = [.singleNumbers, .gpt2]
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
      "jina-v5-nano":
      patterns = [.llama3(digits: 3, foldsLongS: false)]
      (ignoresMerges, addsBegin) = (true, true)
    case "dbrx", "smaug-bpe", "glm4", "chatglm-bpe": patterns = [.llama3(digits: 3, foldsLongS: false)]
    case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
      "grok-2":
      patterns = [.llama3(digits: 1, foldsLongS: false)]
    default: throw TokenizerError.unsupportedPreTokenizer(name, file: source.file)
    }
  }
}
