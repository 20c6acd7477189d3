import ModelFiles
import TestSupport
import Transformer

/// Texts and what the reference makes of them, written by `Fixtures/make/tokenizer_fixtures.py`.
struct TokenizerGoldens {
  let named: [String]
  let texts: [String]
  let tokens: [[Int32]]
  /// Bytes of each token of the named texts: start and end, in turn.
  let offsets: [[Int]]
  /// Decoded without and with special tokens; `nil` where that is the text.
  let decoded: [[String?]]

  init(_ name: String) throws {
    let lists = try Self.read("texts.json")
    named = try Self.texts(lists["named"])
    texts = named + (try Self.texts(lists["random"]))
    let golden = try Self.read("\(name).golden.json")
    tokens = (golden["tokens"]?.elements ?? []).map {
      $0.elements?.compactMap { $0.integer.map { Int32($0) } } ?? []
    }
    offsets = (golden["offsets"]?.elements ?? []).map { $0.elements?.compactMap(\.integer) ?? [] }
    decoded = (golden["decoded"]?.elements ?? []).map { $0.elements?.map(\.text) ?? [] }
  }

  private static func texts(_ value: JSONValue?) throws -> [String] {
    value?.elements?.compactMap(\.text) ?? []
  }

  private static func read(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: bytes(name))
  }

  static func path(_ name: String) -> String { PackageFiles.path("Fixtures/tokenizers/" + name) }

  static func bytes(_ name: String) throws -> [UInt8] {
    let file = try OpenFile(path(name), .reading)
    return try file.read(try file.size(), at: 0)
  }

  static func tokenizer(_ name: String) throws -> Tokenizer {
    name.hasSuffix(".gguf")
      ? try Tokenizer(gguf: ModelFile(path(name)))
      : try Tokenizer(json: bytes(name + ".tokenizer.json"), file: name)
  }
}
