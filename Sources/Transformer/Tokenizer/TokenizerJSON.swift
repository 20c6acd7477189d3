internal import ModelFiles

/// A `tokenizer.json` as it is written: the long lists apart, everything else as a tree.
///
/// - Source: huggingface/tokenizers `tokenizer/serialization.rs`, `models/bpe/serialization.rs`.
struct TokenizerJSON {
  let file: String
  /// Members of the file but its model.
  private(set) var members: [String: JSONValue] = [:]
  /// Members of the model but its vocabulary and merges.
  private(set) var model: [String: JSONValue] = [:]
  private(set) var vocabulary: [(content: String, token: Int)] = []
  /// Both parts of each merge, or `nil` where there are not two.
  private(set) var merges: [(String, String)?] = []
  private var hasVocabulary = false

  init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
    self.file = file
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw .invalidUTF8(byteOffset: error.byteOffsets.lowerBound, file: file)
    }
    do throws(JSONError) {
      var reader = JSONReader(bytes[...])
      try read(&reader)
      try reader.finish()
    } catch {
      throw .invalidJSON(error, file: file)
    }
    // Files of the library's first versions do not name the type.
    if let type = model["type"]?.text, type != "BPE" { throw .unsupportedModel(type, file: file) }
    guard hasVocabulary, model["merges"] == nil, model["vocab"] == nil else {
      throw .missingValue(key: "model.vocab", file: file)
    }
  }

  /// The same from parts that lie in several files.
  init(
    file: String, members: [String: JSONValue], vocabulary: [(content: String, token: Int)],
    merges: [(String, String)?]
  ) {
    self.file = file
    self.members = members
    self.vocabulary = vocabulary
    self.merges = merges
  }

  private mutating func read(_ reader: inout JSONReader) throws(JSONError) {
    try reader.object { reader, key, _ throws(JSONError) in
      if key == "model", try reader.peek() == UInt8(ascii: "{") {
        try readModel(&reader)
      } else {
        members[key] = try JSONValue(parsing: &reader)
      }
    }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws(JSONError) {
    try reader.object { reader, key, _ throws(JSONError) in
      switch (key, try reader.peek()) {
      case ("vocab", UInt8(ascii: "{")):
        hasVocabulary = true
        vocabulary = try Self.vocabulary(&reader)
      case ("merges", UInt8(ascii: "[")):
        try reader.array { reader throws(JSONError) in try readMerge(&reader) }
      default: model[key] = try JSONValue(parsing: &reader)
      }
    }
  }

  /// An object of tokens and their numbers.
  static func vocabulary(_ reader: inout JSONReader) throws(JSONError) -> [(content: String, token: Int)] {
    var vocabulary: [(content: String, token: Int)] = []
    try reader.object { reader, content, _ throws(JSONError) in
      vocabulary.append((content, try reader.count()))
    }
    return vocabulary
  }

  /// Both parts of a merge; `nil` where there are not two.
  static func merge(_ line: some Sequence<UInt8>) -> (String, String)? {
    let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    return parts.count == 2 ? (parts[0], parts[1]) : nil
  }

  /// `"a b"`, or `["a", "b"]` in files since version 0.20.
  private mutating func readMerge(_ reader: inout JSONReader) throws(JSONError) {
    guard try reader.peek() == UInt8(ascii: "[") else {
      let line = try reader.string()
      if !line.utf8.starts(with: "#version".utf8) { merges.append(Self.merge(line.utf8)) }
      return
    }
    var parts: [String] = []
    try reader.array { reader throws(JSONError) in parts.append(try reader.string()) }
    merges.append(parts.count == 2 ? (parts[0], parts[1]) : nil)
  }

  /// A truth value of the model, false if it is not there.
  func flag(_ key: String) throws(TokenizerError) -> Bool {
    switch model[key] {
    case nil, .null: false
    case .bool(let value): value
    default: throw .unsupportedValue(key: "model.\(key)", found: "not a truth value", file: file)
    }
  }
}

extension JSONValue {
  var truth: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The kind of a component.
  var kind: String { self["type"]?.text ?? (self == .null ? "null" : "without a type") }
  /// A component, or the components of a sequence of them.
  func components(_ key: String) -> [JSONValue] {
    if self == .null { return [] }
    guard kind == "Sequence", let elements = self[key]?.elements else { return [self] }
    return elements.flatMap { $0.components(key) }
  }
}
