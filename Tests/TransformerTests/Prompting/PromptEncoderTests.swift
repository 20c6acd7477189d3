import ModelFiles
import TestSupport
import Testing

@testable import Transformer

@Suite struct PromptEncoderTests {
  private func encoder(_ name: String, vocabularySize: Int? = nil) throws -> PromptEncoder {
    let tokenizer = try TokenizerGoldens.tokenizer(name)
    return PromptEncoder(tokenizer, vocabularySize: vocabularySize ?? tokenizer.vocabularySize)
  }

  @Test(arguments: ["gpt2", "llama3", "llama2", "mistral"])
  func `a continuation is what follows in the whole text`(name: String) throws {
    let encoder = try encoder(name)
    for (prompt, join, target) in [
      ("Ada was born in", " ", "Oslo"), ("assistant\n", "", "Lyon"), ("東京は", "", "日本"),
      ("He said \"", "", "yes"),
    ] {
      let join = try #require(TextJoin(join))
      let found = try #require(try encoder.continuation(prompt, join, target))
      let whole = encoder.tokenizer.encodePrompt(join.joining(prompt, target)).tokens
      #expect(found.prompt + found.target == whole)
      #expect(whole.starts(with: found.prompt))
    }
  }

  @Test func `a token that the network lacks is named, wherever it stands`() throws {
    let whole = try encoder("gpt2")
    let token = try #require(whole.prompt("a [LONG] b").tokens.first { $0 >= 520 })
    let encoder = try encoder("gpt2", vocabularySize: 520)
    #expect(try encoder.prompt("a b").tokens == whole.prompt("a b").tokens)
    let error = PromptError.tokenNotInNetwork(
      Int(token), content: "[LONG]", text: "a [LONG] b", vocabularySize: 520)
    #expect(throws: error) { try encoder.prompt("a [LONG] b") }
    // The last token of a target is never embedded, and is checked all the same.
    #expect(throws: PromptError.self) { try encoder.continuation("a", .space, "[LONG]") }
    #expect(throws: PromptError.self) { try encoder.continuation("a [LONG]", .space, "b") }
  }

  @Test func `a text with its own begin-of-text token gets no second one`() throws {
    let encoder = try encoder("llama3")
    let begin = try #require(encoder.tokenizer.beginToken)
    let mark = String(decoding: encoder.tokenizer.bytes(of: begin), as: UTF8.self)
    let plain = try encoder.prompt("Ada")
    let marked = try encoder.prompt(mark + "Ada")
    #expect(marked.tokens == plain.tokens)
    // The bytes are those of the text that was given.
    #expect(marked.byteRanges.last?.upperBound == (mark + "Ada").utf8.count)
    // Two in the text are two: somebody wants that.
    #expect(try encoder.prompt(mark + mark).tokens == [Int32(begin), Int32(begin)])
    #expect(try encoder.prompt(mark).tokens == [Int32(begin)])
  }

  @Test func `stops are tokens of the network, and those that are none are told`() throws {
    let folder = try TemporaryFolder()
    try folder.write(TokenizerGoldens.bytes("gpt2.tokenizer.json"), to: "tokenizer.json")
    try folder.write(
      Array(#"{"eos_token_id": [0, 9223372036854775807, 2147483648, 4096, 7]}"#.utf8),
      to: "generation_config.json")
    let encoder = PromptEncoder(try Tokenizer(folder: folder.path), vocabularySize: 520)
    #expect(encoder.stops == [0, 7])
    #expect(encoder.unknownStops == [4096, 2_147_483_648, .max])
  }
}
