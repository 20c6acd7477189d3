import ModelFiles
import TestSupport
import Testing
import Transformer

/// Token for token what huggingface/tokenizers and llama.cpp give, and what must hold for any text.
@Suite struct TokenizerTests {
  static let byteLevel = ["gpt2", "llama3"]
  static let files = ["gpt2", "opt", "llama3", "qwen2", "llama2", "mistral", "split_marks", "gemma"]
  static let models = ["gpt2", "default", "smollm", "llama-bpe", "qwen2", "llama", "gemma"].map {
    $0 + ".gguf"
  }

  @Test(arguments: files + models)
  func `encodes as the reference does`(_ name: String) throws {
    let (goldens, tokenizer) = (try TokenizerGoldens(name), try TokenizerGoldens.tokenizer(name))
    try #require(goldens.tokens.count == goldens.texts.count && goldens.texts.count > 150)
    for (text, tokens) in zip(goldens.texts, goldens.tokens) {
      #expect(tokenizer.encode(text).tokens == tokens, "\(text.debugDescription)")
    }
    // Again, when all words are in the cache.
    for (text, tokens) in zip(goldens.texts, goldens.tokens) where tokenizer.encode(text).tokens != tokens {
      Issue.record("another answer the second time: \(text.debugDescription)")
    }
  }

  @Test(arguments: files)
  func `decodes as the reference does`(_ name: String) throws {
    let (goldens, tokenizer) = (try TokenizerGoldens(name), try TokenizerGoldens.tokenizer(name))
    for ((text, tokens), decoded) in zip(zip(goldens.texts, goldens.tokens), goldens.decoded) {
      let numbers = tokens.map { Int($0) }
      for (skips, wanted) in zip([true, false], decoded) {
        let found = tokenizer.decode(numbers, skippingSpecialTokens: skips)
        #expect(Array(found.utf8) == Array((wanted ?? text).utf8), "\(text.debugDescription)")
      }
    }
  }

  /// The reference counts characters, so a part of one is the whole of it there; and a token of nothing but the space put in
  /// front has the first character there and no bytes here.
  @Test(arguments: files)
  func `byte ranges are those of the reference`(_ name: String) throws {
    let (goldens, tokenizer) = (try TokenizerGoldens(name), try TokenizerGoldens.tokenizer(name))
    for (text, offsets) in zip(goldens.named, goldens.offsets) {
      let found = tokenizer.encode(text)
      let utf8 = Array(text.utf8)
      // Where composing changes the text, the reference gives a token only the first of the characters.
      if name == "qwen2", tokenizer.decode(found.tokens.map { Int($0) }).utf8.elementsEqual(utf8) == false {
        continue
      }
      for (index, range) in found.byteRanges.enumerated() where !range.isEmpty {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start > 0, utf8[start] & 0xC0 == 0x80 { start -= 1 }
        while end < utf8.count, utf8[end] & 0xC0 == 0x80 { end += 1 }
        #expect(
          [start, end] == Array(offsets[2 * index..<2 * index + 2]),
          "\(text.debugDescription), token \(index)")
      }
    }
  }

  @Test(arguments: byteLevel)
  func `bytes in are bytes out, and no byte is without a token`(_ name: String) throws {
    let (goldens, tokenizer) = (try TokenizerGoldens(name), try TokenizerGoldens.tokenizer(name))
    for text in goldens.texts where !text.contains("xéy") {
      let found = tokenizer.encode(text, addingSpecialTokens: false)
      let decoded = tokenizer.decode(found.tokens.map { Int($0) }, skippingSpecialTokens: false)
      var place = 0
      for range in found.byteRanges {
        #expect(range.lowerBound == place)
        place = range.upperBound
      }
      #expect(place == text.utf8.count)
      // Added tokens may take white space that they do not give back.
      guard !text.contains("[") else { continue }
      #expect(decoded.utf8.elementsEqual(text.utf8), "\(text.debugDescription)")
      let pieces = found.tokens.flatMap { tokenizer.bytes(of: Int($0)) }
      #expect(pieces == Array(text.utf8))
    }
  }

  @Test func `a file and the GGUF file made from it give the same tokens`() throws {
    let corpus = try TokenizerGoldens.bytes("../world/corpus.txt")
    let folder = try Tokenizer(of: ModelFile(PackageFiles.path("Fixtures/models/tiny-llama")))
    let file = try Tokenizer(of: ModelFile(PackageFiles.path("Fixtures/models/tiny-llama-q8_0.gguf")))
    let found = try folder.encode(utf8: corpus)
    #expect(found.tokens.count > 10_000)
    #expect(try file.encode(utf8: corpus) == found)
    #expect(folder.vocabularySize == 480 && file.vocabularySize == 480)
    #expect(folder.decode(found.tokens.map { Int($0) }).utf8.elementsEqual(corpus))
  }

  @Test func `the subject's last token is found by its last byte`() throws {
    let tokenizer = try TokenizerGoldens.tokenizer("llama2")
    let text = "The house of Anso Birk stands on"
    let found = tokenizer.encode(text)
    let last = try #require(found.lastPosition(touching: "The house of Anso Birk".utf8.count - 1))
    let next = try #require(found.lastPosition(touching: "The house of Anso Birk s".utf8.count - 1))
    #expect(last < next)
    #expect(found.byteRanges[last].upperBound == "The house of Anso Birk".utf8.count)
    #expect(found.byteRanges[0].isEmpty && tokenizer.beginToken == 1 && tokenizer.isSpecial(1))
  }

  @Test func `many threads share a tokenizer`() async throws {
    let (goldens, tokenizer) = (try TokenizerGoldens("qwen2"), try TokenizerGoldens.tokenizer("qwen2"))
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { zip(goldens.texts, goldens.tokens).allSatisfy { tokenizer.encode($0).tokens == $1 } }
      }
      for await isSame in group { #expect(isSame) }
    }
  }

  /// Quadratic time would be hours.
  @Test(arguments: ["gpt2", "mistral", "llama.gguf"])
  func `a long text without a break takes no long time`(_ name: String) throws {
    let tokenizer = try TokenizerGoldens.tokenizer(name)
    let text = String(repeating: "lighthousekeeper", count: 10_000)
    let found = tokenizer.encode(text, addingSpecialTokens: false)
    #expect(tokenizer.decode(found.tokens.map { Int($0) }) == text)
  }

  @Test func `a text that is not UTF-8 is refused`() throws {
    let tokenizer = try TokenizerGoldens.tokenizer("gpt2")
    #expect(throws: TokenizerError.invalidUTF8(byteOffset: 2, file: nil)) {
      try tokenizer.encode(utf8: [0x61, 0x62, 0xFF, 0x63])
    }
  }
}
