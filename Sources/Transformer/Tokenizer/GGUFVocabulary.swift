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
