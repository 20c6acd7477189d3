import Testing
import Transformer

/// What is hostile or unknown is refused by name, when the tokenizer is read.
@Suite struct TokenizerRefusalTests {
  private static let model = #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}"#
  private static let splitting = #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}"#

  /// A small file with some members in place of its own.
  private func read(_ members: [String: String]) throws -> Tokenizer {
    var all = ["model": Self.model, "pre_tokenizer": Self.splitting, "decoder": #"{"type":"ByteLevel"}"#]
    all.merge(members) { $1 }
    let text = "{" + all.sorted { $0.key < $1.key }.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    return try Tokenizer(json: Array(text.utf8), file: "t")
  }

  @Test func `the file that the others are made from is read`() throws {
    let tokenizer = try read([:])
    #expect(tokenizer.encode("abba c").tokens == [2, 1, 0])
    #expect(tokenizer.bytes(of: 2) == Array("ab".utf8))
    #expect(
      tokenizer.bytes(of: 3).isEmpty && tokenizer.bytes(of: -1).isEmpty && tokenizer.bytes(of: .max).isEmpty)
  }

  @Test(arguments: [
    (#"{"type":"WordPiece","vocab":{}}"#, TokenizerError.unsupportedModel("WordPiece", file: "t")),
    (#"{"type":"BPE","merges":[]}"#, .missingValue(key: "model.vocab", file: "t")),
    (#"{"vocab":{"a":0,"b":1},"merges":["a b"]}"#, .badMerge(index: 0, file: "t")),
    (#"{"vocab":{"a":0},"merges":["a"]}"#, .badMerge(index: 0, file: "t")),
    (#"{"vocab":{"a":0},"merges":[["a","a","a"]]}"#, .badMerge(index: 0, file: "t")),
    (#"{"vocab":{"a":0,"b":0},"merges":[]}"#, .duplicateToken(0, file: "t")),
    (#"{"vocab":{"a":2000000000},"merges":[]}"#, .tokenOutOfRange(2_000_000_000, limit: 1028, file: "t")),
    (
      #"{"vocab":{"a":0},"merges":[],"dropout":0.5}"#,
      .unsupportedValue(key: "model.dropout", found: "0.5", file: "t")
    ),
    (
      #"{"vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"}"#,
      .unsupportedValue(key: "model.end_of_word_suffix", found: "</w>", file: "t")
    ),
    (
      #"{"vocab":{"a":0},"merges":[],"unk_token":"?"}"#, .unknownToken("?", key: "model.unk_token", file: "t")
    ),
  ])
  func `a model is refused`(_ model: String, _ error: TokenizerError) {
    #expect(throws: error) { try read(["model": model]) }
  }

  @Test(arguments: [
    (
      "normalizer", #"{"type":"Lowercase"}"#,
      TokenizerError.unsupportedNormalizer(#"{"type":"Lowercase"}"#, file: "t")
    ),
    ("pre_tokenizer", "null", .unsupportedPreTokenizer("null", file: "t")),
    (
      "pre_tokenizer", #"{"type":"Whitespace"}"#,
      .unsupportedPreTokenizer(#"{"type":"Whitespace"}"#, file: "t")
    ),
    (
      "pre_tokenizer", #"{"type":"Split","pattern":{"Regex":"x+"},"behavior":"Isolated","invert":false}"#,
      .unsupportedPreTokenizer(
        #"{"type":"Split","pattern":{"Regex":"x+"},"behavior":"Isolated","invert":false}"#, file: "t")
    ),
    ("post_processor", #"{"type":"BertProcessing"}"#, .unsupportedPostProcessor("BertProcessing", file: "t")),
    ("decoder", #"{"type":"WordPiece"}"#, .unsupportedDecoder(#"{"type":"WordPiece"}"#, file: "t")),
    (
      "added_tokens", #"[{"id":9,"content":"<x>","special":true}]"#,
      .addedTokenMismatch("<x>", stated: 9, expected: 3, file: "t")
    ),
  ])
  func `a component is refused`(_ key: String, _ value: String, _ error: TokenizerError) {
    #expect(throws: error) { try read([key: value]) }
  }

  @Test func `bytes that are not UTF-8 or not JSON are refused`() {
    #expect(throws: TokenizerError.invalidUTF8(byteOffset: 1, file: "t")) {
      try Tokenizer(json: [0x7B, 0xFF], file: "t")
    }
    #expect(throws: TokenizerError.self) { try Tokenizer(json: Array("{".utf8), file: "t") }
  }

  @Test func `every beginning of a file is refused`() throws {
    let bytes = try TokenizerGoldens.bytes("split_marks.tokenizer.json")
    for length in stride(from: 0, to: bytes.count - 1, by: 97) {
      #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(bytes[..<length]), file: "t") }
    }
  }
}
