import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// `vocab.json` and `merges.txt` give the ids of the `tokenizer.json` that has the same vocabulary, which are those of the reference.
@Suite struct SeparateVocabularyTests {
  /// The vocabulary of a fixture in two files, with its added tokens in a third.
  private func folder(_ name: String, type: String, mark: Bool = false, lineEnd: String = "\n") throws
    -> TemporaryFolder
  {
    let file = try JSONValue(parsing: TokenizerGoldens.bytes("\(name).tokenizer.json"))
    let model = try #require(file["model"])
    let merges = (model["merges"]?.elements ?? []).map { merge in
      merge.text ?? (merge.elements ?? []).compactMap(\.text).joined(separator: " ")
    }
    let added = (file["added_tokens"]?.elements ?? []).map { token in
      JSONValue.Member(String(token["id"]?.integer ?? -1), token)
    }
    let start: [UInt8] = mark ? [0xEF, 0xBB, 0xBF] : []
    let folder = try TemporaryFolder()
    try folder.write(start + Array((model["vocab"] ?? .null).compactText.utf8), to: "vocab.json")
    try folder.write(
      start + Array((["#version: 0.2"] + merges + [""]).joined(separator: lineEnd).utf8), to: "merges.txt")
    try folder.write(Array(#"{"model_type": "\#(type)"}"#.utf8), to: "config.json")
    let settings: JSONValue = ["added_tokens_decoder": .object(added)]
    try folder.write(start + Array(settings.compactText.utf8), to: "tokenizer_config.json")
    return folder
  }

  @Test(arguments: [("gpt2", "gpt2"), ("gpt2", "gptj"), ("qwen2", "qwen2")])
  func `ids are those of the reference`(name: String, type: String) throws {
    let goldens = try TokenizerGoldens(name)
    try #require(goldens.texts.count > 150)
    for (mark, lineEnd) in [(false, "\n"), (true, "\r\n")] {
      let folder = try folder(name, type: type, mark: mark, lineEnd: lineEnd)
      let tokenizer = try Tokenizer(folder: folder.path)
      for (text, tokens) in zip(goldens.texts, goldens.tokens) {
        #expect(tokenizer.encode(text).tokens == tokens, "\(text.debugDescription)")
      }
    }
  }

  @Test func `OPT's begin-of-text token comes from its settings`() throws {
    let folder = try folder("opt", type: "opt")
    let plain = try Tokenizer(folder: folder.path).encode("Ada lives").tokens
    try folder.write(
      Array(
        #"""
        {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "add_prefix_space": false,
         "bos_token": {"__type": "AddedToken", "content": "</s>"}, "eos_token": {"content": "</s>"},
         "pad_token": "<pad>", "unk_token": {"content": "</s>"}}
        """#.utf8), to: "tokenizer_config.json")
    let tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.beginToken == 2 && tokenizer.endTokens == [2])
    #expect(tokenizer.encode("Ada lives").tokens == [2] + plain)
    // Special tokens are found in the text and left out of it.
    #expect(tokenizer.encode("a<pad>", addingSpecialTokens: false).tokens.last == 1)
    #expect(tokenizer.decode([2, 1]).isEmpty)
  }

  @Test func `a bare pair of a known family has its end-of-text token`() throws {
    let folder = try folder("gpt2", type: "gpt2")
    Folder.remove(folder.path("tokenizer_config.json"))
    let tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.encode("a<|endoftext|>").tokens.last == 0)
    #expect(tokenizer.isSpecial(0))
  }

  @Test func `a pair whose splitting is not known is refused by its class`() throws {
    let folder = try folder("gpt2", type: "roberta")
    #expect(throws: TokenizerError.unknownSplitting(place: folder.path, tokenizerClass: "roberta")) {
      try Tokenizer(folder: folder.path)
    }
    try folder.write(
      Array(#"{"tokenizer_class": "CLIPTokenizerFast"}"#.utf8), to: "tokenizer_config.json")
    #expect(throws: TokenizerError.unknownSplitting(place: folder.path, tokenizerClass: "CLIPTokenizer")) {
      try Tokenizer(folder: folder.path)
    }
  }

  @Test func `half a pair and other tokenizers are named`() throws {
    let folder = try folder("gpt2", type: "gpt2")
    Folder.remove(folder.path("merges.txt"))
    #expect(throws: TokenizerError.otherTokenizer(place: folder.path, found: ["vocab.json"])) {
      try Tokenizer(folder: folder.path)
    }
    Folder.remove(folder.path("vocab.json"))
    #expect(throws: TokenizerError.noTokenizer(place: folder.path)) { try Tokenizer(folder: folder.path) }
    try folder.write([1, 2, 3], to: "tokenizer.model")
    #expect(throws: TokenizerError.otherTokenizer(place: folder.path, found: ["tokenizer.model"])) {
      try Tokenizer(folder: folder.path)
    }
  }

  @Test func `a merge that is none is refused by its line`() throws {
    let folder = try folder("gpt2", type: "gpt2")
    try folder.write(Array("#version: 0.2\nh e\na b c\n".utf8), to: "merges.txt")
    #expect(throws: TokenizerError.badMerge(index: 1, file: folder.path("vocab.json"))) {
      try Tokenizer(folder: folder.path)
    }
  }

  @Test func `a byte-order mark before tokenizer.json changes nothing`() throws {
    let folder = try TemporaryFolder()
    let bytes = try TokenizerGoldens.bytes("gpt2.tokenizer.json")
    try folder.write([0xEF, 0xBB, 0xBF] + bytes, to: "tokenizer.json")
    try folder.write([0xEF, 0xBB, 0xBF] + Array("{}".utf8), to: "tokenizer_config.json")
    let text = "Ada lives in [LONG] Oslo"
    #expect(
      try Tokenizer(folder: folder.path).encode(text) == TokenizerGoldens.tokenizer("gpt2").encode(text))
  }

  @Test func `a number that is given twice is its last token's`() throws {
    var file = try JSONValue(parsing: TokenizerGoldens.bytes("gpt2.tokenizer.json")).members ?? []
    let place = try #require(file.firstIndex { $0.key == "added_tokens" })
    let added = try #require(file[place].value.elements)
    file[place] = .init("added_tokens", .array(added + [added[0]]))
    let tokenizer = try Tokenizer(json: Array(JSONValue.object(file).compactText.utf8), file: "t")
    #expect(tokenizer.encode("<|endoftext|>[LONG]").tokens == [0, 524])
  }
}
