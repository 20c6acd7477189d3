import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// What a template puts around a prompt, and that nothing a user writes becomes one of its tokens.
@Suite struct ChatFrameTests {
  private func builtIn(_ name: String) throws -> ChatTemplate {
    let row = try #require(ChatTemplate.builtIn.first { $0.name == name })
    return try ChatTemplate(row.text, name: name, specialTokens: ["bos_token": "<s>", "eos_token": "</s>"])
  }

  @Test func `a frame is what stands around the user's words`() throws {
    let plain = try ChatFrame(builtIn("chatml"))
    #expect(plain.before == "<|im_start|>user\n" && plain.after == "<|im_end|>\n<|im_start|>assistant\n")
    #expect(plain.lead == "" && plain.join == .none && plain.turnEnd == "<|im_end|>\n")
    let found = try plain.prompt("Hi {} <|im_end|>")
    #expect(found.text == "<|im_start|>user\nHi {} <|im_end|><|im_end|>\n<|im_start|>assistant\n")
    #expect(found.literal == [17..<33])
    let system = try ChatFrame(builtIn("chatml"), system: "Be <|im_end|> brief.")
    #expect(system.before == "<|im_start|>system\nBe <|im_end|> brief.<|im_end|>\n<|im_start|>user\n")
    #expect(try system.prompt("Hi").literal == [19..<39, 67..<69])
  }

  /// White space before an answer is joined, whatever else the template writes there is part of the prompt.
  @Test(arguments: [
    ("llama2", "", " ", "[INST] x [/INST]"), ("mistral-v3", "", " ", "[INST] x[/INST]"),
    ("mistral-v3-tekken", "", "", "[INST]x[/INST]"),
    ("harmony", "<|channel|>final<|message|>", "", "<|start|>user<|message|>x<|end|><|start|>assistant"),
    ("gemma", "", "", "<start_of_turn>user\nx<end_of_turn>\n<start_of_turn>model\n"),
    ("vicuna", "", " ", "USER: x\nASSISTANT:"),
  ])
  func `an answer begins where the template begins it`(
    _ name: String, _ lead: String, _ join: String, _ prompt: String
  ) throws {
    let frame = try ChatFrame(builtIn(name))
    #expect(frame.lead == lead && frame.join.text == join)
    #expect(try frame.prompt("x").text.hasSuffix(prompt))
    #expect(try frame.question("x").text == frame.prompt("x").text + lead)
  }

  @Test func `an empty block of thoughts that a template writes before an answer is part of the question`()
    throws
  {
    let text = """
      {% for m in messages %}{{ '[' + m.role + ']' + ('<think>\\n\\n</think>\\n\\n' if loop.last and m.role == 'assistant' else '') + m.content + '[end]' }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}
      """
    let frame = try ChatFrame(ChatTemplate(text, name: "t"))
    #expect(
      frame.after == "[end][assistant]" && frame.lead == "<think>\n\n</think>\n\n" && frame.join == .none)
  }

  @Test func `a text that the template makes another of is refused`() throws {
    let frame = try ChatFrame(builtIn("llama3"))
    #expect(try frame.prompt(" Hi \n").text == frame.prompt("Hi").text)
    #expect(throws: ChatTemplateError.changed(text: " Hi", template: "llama3")) {
      try frame.question(" Hi", isVerbatim: true)
    }
    let upper = try ChatFrame(
      ChatTemplate("{{ messages[0].content | replace('bad', 'good') }}:", name: "t"))
    #expect(throws: ChatTemplateError.changed(text: "so bad", template: "t")) { try upper.prompt("so bad") }
    #expect(throws: ChatTemplateError.leftOut(role: "user", template: "t")) {
      try ChatFrame(ChatTemplate("{{ messages | length }}", name: "t"))
    }
    #expect(throws: ChatTemplateError.leftOut(role: "user", template: "t")) {
      try ChatFrame(ChatTemplate("{{ messages[0].content }} {{ messages[0].content }}", name: "t"))
    }
    #expect(throws: ChatTemplateError.leftOut(role: "system", template: "t")) {
      try ChatFrame(ChatTemplate("{{ messages[-1].content }}", name: "t"), system: "s")
    }
    #expect(throws: ChatTemplateError.raised(message: "no system", template: "t")) {
      try ChatFrame(
        ChatTemplate(
          "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ messages[0].content }}",
          name: "t"),
        system: "s")
    }
  }

  /// Tokens of the template are single, those that a user writes are text, and the rest is what the whole text gives.
  @Test func `special tokens of the template are tokens, those of the user are text`() throws {
    let tokenizer = try TokenizerGoldens.tokenizer("qwen2")
    let encoder = PromptEncoder(tokenizer, vocabularySize: tokenizer.vocabularySize)
    let frame = try ChatFrame(builtIn("chatml"))
    let end = try #require(tokenizer.encode("<|im_end|>").tokens.first)
    for text in ["Ada lives in", "a <|im_end|> b<|im_start|>", "<|im_end|>", "[LONG] ok"] {
      let found = try encoder.prompt(frame.prompt(text))
      #expect(found.tokens.count { $0 == end } == 1)
      #expect(found.tokens.count { tokenizer.isSpecial(Int($0)) } == 3)
      let decoded = tokenizer.decode(found.tokens.map { Int($0) }, skippingSpecialTokens: false)
      #expect(decoded == frame.before + text + frame.after)
      if !text.contains("<|im") {
        #expect(found.tokens == tokenizer.encode(decoded, addingSpecialTokens: false).tokens)
      }
    }
    #expect(encoder.stops(in: frame).contains(end))
    // What the model says is text as well.
    let said = try #require(try encoder.continuation(frame.prompt("x"), frame.join, "<|im_end|>"))
    #expect(!said.target.contains(end) && said.target.count > 1)
  }

  /// llama.cpp puts its first token before a chat too, transformers only what the template writes.
  @Test func `the begin-of-text token of a chat`() throws {
    let chat = try ChatFrame(builtIn("chatml"))
    let (folder, file) = (
      try TokenizerGoldens.tokenizer("llama3"), try TokenizerGoldens.tokenizer("llama-bpe.gguf")
    )
    let begin = try #require(folder.beginToken)
    #expect(try folder.encodePrompt(chat.prompt("x")).tokens.first != Int32(begin))
    #expect(try file.encodePrompt(chat.prompt("x")).tokens.first == file.beginToken.map { Int32($0) })
    let mark = String(decoding: folder.bytes(of: begin), as: UTF8.self)
    let own = try ChatFrame(
      ChatTemplate("{{ bos_token + messages[0].content }}", name: "t", specialTokens: ["bos_token": mark]))
    for tokenizer in [folder, file] {
      let tokens = try tokenizer.encodePrompt(own.prompt("x")).tokens
      #expect(tokens.first == tokenizer.beginToken.map { Int32($0) } && tokens.count { $0 == tokens[0] } == 1)
    }
  }

  @Test func `a frame read from a plan is the frame`() throws {
    for system in [nil, "Be\n{} brief"] {
      let frame = try ChatFrame(builtIn("harmony"), system: system)
      let read = try #require(ChatFrame(frame.json))
      #expect(read == frame)
      #expect(try read.question("x") == frame.question("x"))
      // Without its template it takes any text as it is.
      #expect(try read.prompt(" x ").text == frame.before + " x " + frame.after)
    }
    for (key, value) in [("join", JSONValue.string("x")), ("before", .null), ("beforeSystem", .string("a"))] {
      var members = try ChatFrame(builtIn("chatml")).json.members ?? []
      members.removeAll { $0.key == key }
      members.append(.init(key, value))
      #expect(ChatFrame(.object(members)) == nil)
    }
  }
}
