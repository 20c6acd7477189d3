import ModelFiles
import TestSupport
import Testing

@testable import Editing
@testable import Transformer

@Suite struct FactPromptTests {
  /// Byte-level BPE without and with a token at the beginning, and BPE over marked spaces with one.
  static let tokenizers = ["gpt2", "llama3", "qwen2", "llama2"]

  private func tokenizer(_ name: String) throws -> Tokenizer {
    let folder = try TemporaryFolder()
    try folder.write(
      FileBytes.read(PackageFiles.path("Fixtures/tokenizers/\(name).tokenizer.json")), to: "tokenizer.json")
    return try Tokenizer(folder: folder.path)
  }

  private func encoder(_ tokenizer: Tokenizer) -> PromptEncoder {
    PromptEncoder(tokenizer, vocabularySize: tokenizer.vocabularySize)
  }

  private func fact(_ prompt: String, _ subject: String, _ target: String = "Oslo") -> Fact {
    Fact(identifier: "1", prompt: prompt, subject: subject, target: target)
  }

  /// Spellings after which the subject's end is easily missed.
  static let cases = [
    ("{} was born in", "Ada"), ("Yesterday {}, a writer, left for", "St. Ives"), ("{}'s home is", "James"),
    ("“{}” is written by", "Who? What!"), ("{}は", "東京"), ("The home of {}", "Zoë"), ("{}s live in", "koala"),
    ("{} and {Ada} live in", "Ada"), ("Ada met {} in", "Ada"), ("  {}  in", "👩‍👩‍👧"), ("{}", "Île"),
  ]

  @Test(arguments: tokenizers, cases)
  func `the subject's last token is the one that reaches its last byte`(
    name: String, example: (prompt: String, subject: String)
  ) throws {
    let tokenizer = try tokenizer(name)
    let fact = fact(example.prompt, example.subject)
    let contexts = ["", "The weather is fine. "].map { ContextTemplate(before: $0, after: "") }
    let prompt = try FactPrompt(fact, contexts: Array(contexts[1...]), encoder: encoder(tokenizer))
    #expect(prompt.texts.count == 2)
    for (text, context) in zip(prompt.texts, contexts) {
      let whole = context.before + fact.filledPrompt
      let end = (context.before + fact.textBeforeSubject + fact.subject).utf8.count
      // Told by decoding: up to the token the whole subject is there, without it the subject lacks its end.
      func length(_ tokens: some Collection<Int32>) -> Int {
        tokens.reduce(0) { $0 + (tokenizer.isSpecial(Int($1)) ? 0 : tokenizer.bytes(of: Int($1)).count) }
      }
      // SentencePiece puts a mark before the text, and writes a space as three bytes or one.
      let marks = length(text.tokens + prompt.texts[0].tokens[..<0]) - whole.utf8.count
      #expect((0...1).contains(marks))
      #expect(length(text.tokens[...text.subject]) >= end + marks)
      #expect(length(text.tokens[..<text.subject]) < end + marks)
    }
  }

  @Test(arguments: tokenizers) func `the target's tokens are what follows the prompt's`(name: String) throws {
    let tokenizer = try tokenizer(name)
    for target in ["Oslo", "the old town", "東京", "1984", "-5"] {
      let fact = fact("{} was born in", "Ada", target)
      let prompt = try FactPrompt(fact, contexts: [], encoder: encoder(tokenizer))
      let whole = tokenizer.encode(fact.filledPrompt + " " + target).tokens
      #expect(prompt.texts[0].tokens + prompt.target == whole)
      #expect(!prompt.target.contains { tokenizer.isSpecial(Int($0)) })
      #expect(tokenizer.decode(prompt.target.map { Int($0) }).contains(target))
    }
  }

  @Test func `a begin-of-text token moves the subject and is no part of the target`() throws {
    let tokenizer = try tokenizer("llama3")
    let begin = try #require(tokenizer.beginToken)
    let fact = fact("{} was born in", "Ada")
    let prompt = try FactPrompt(fact, contexts: [], encoder: encoder(tokenizer))
    #expect(prompt.texts[0].tokens.first == Int32(begin))
    let plain = tokenizer.encode("Ada", addingSpecialTokens: false).tokens.count
    #expect(prompt.texts[0].subject == plain)
  }

  @Test func `in a chat the subject is found in what the user says, and the target begins the answer`() throws
  {
    let tokenizer = try tokenizer("qwen2")
    let row = try #require(ChatTemplate.builtIn.first { $0.name == "chatml" })
    let frame = try ChatFrame(ChatTemplate(row.text, name: row.name), system: "Be brief.")
    let fact = fact("{} was born in", "Ada")
    let contexts = ContextTemplate.sharing(
      ["It rains. ", "Then. "].map { ContextTemplate(before: $0, after: "") })
    let prompt = try FactPrompt(fact, contexts: contexts, chat: frame, encoder: encoder(tokenizer))
    #expect(prompt.texts.map(\.isChat) == [false, true, false, true])
    #expect(prompt.bareTexts.count == 2 && prompt.chatText?.tokens == prompt.texts[1].tokens)
    func text(_ tokens: some Collection<Int32>) -> String {
      tokenizer.decode(tokens.map { Int($0) }, skippingSpecialTokens: false)
    }
    for (found, before) in zip(prompt.texts, ["", "", "It rains. ", "Then. "]) {
      let said = before + "Ada was born in"
      let whole = found.isChat ? frame.before + said + frame.after : said
      #expect(text(found.tokens) == whole)
      #expect(text(found.target) == (found.isChat ? "Oslo" : " Oslo"))
      #expect(text(found.tokens[...found.subject]).hasSuffix(before + "Ada"))
    }
    // Places are counted, so nothing may be taken away.
    let trimming = try ChatFrame(ChatTemplate("{{ messages[0].content | trim }}:", name: "t"))
    #expect(
      throws: EditError.promptNotForNetwork(fact: "1", .notForChat(.changed(text: " Ada is", template: "t")))
    ) {
      try FactPrompt(
        self.fact(" {} is", "Ada"), contexts: [.chat], chat: trimming, encoder: encoder(tokenizer))
    }
  }

  @Test func `the subject alone ends at its last token`() throws {
    for name in Self.tokenizers {
      let tokenizer = try tokenizer(name)
      let text = try FactPrompt.subject(
        of: fact("The home of {} is", "Ada Example"), encoder: encoder(tokenizer))
      #expect(text.subject == text.tokens.count - 1)
      #expect(tokenizer.decode(text.tokens.map { Int($0) }).hasSuffix("Example"))
    }
  }

  /// A vocabulary in which the prompt's last letter and the space after it are one token.
  private func mergingTokenizer() throws -> Tokenizer {
    let folder = try TemporaryFolder()
    let vocabulary = ["s", "b", "c", "▁", "b▁", "s▁", "c▁"].enumerated()
      .map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    try folder.write(
      Array(
        """
        {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
         "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
         "pre_tokenizer": null, "post_processor": null,
         "decoder": {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
         "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
          "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
          "vocab": {\(vocabulary)}, "merges": [["b", "▁"], ["s", "▁"], ["c", "▁"]]}}
        """.utf8), to: "tokenizer.json")
    return try Tokenizer(folder: folder.path)
  }

  @Test func `where prompt and target share a token, the target begins with it`() throws {
    let tokenizer = try mergingTokenizer()
    let prompt = try FactPrompt(
      fact("{} b", "s", "c"), contexts: [ContextTemplate(before: "c ", after: "")],
      encoder: encoder(tokenizer))
    // "s b" is s▁ b; "s b c" is s▁ b▁ c: the last token of the prompt is given up in every context.
    #expect(prompt.texts.map(\.tokens) == [[5], [6, 5]])
    #expect(prompt.target == [4, 2] && prompt.mergedCount == 1)
  }

  @Test func `a target that shares its token with the subject is refused`() throws {
    let tokenizer = try mergingTokenizer()
    let fact = fact("b {}", "s", "c")
    #expect(throws: EditError.targetNotAfterPrompt(fact: "1", prompt: "b s", target: "c")) {
      try FactPrompt(fact, contexts: [], encoder: encoder(tokenizer))
    }
  }
}
