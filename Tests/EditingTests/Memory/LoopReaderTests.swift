import Floor
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing
@testable import Patches

/// Loops of a model that follows no examples: marks are what it says anyhow.
@Suite struct LoopReaderTests {
  private let model: FixtureModel
  private let folder: TemporaryFolder

  init() throws {
    model = try FixtureModel("tiny-llama")
    folder = try TemporaryFolder()
  }

  /// A memory of one fact about a subject, looked up by what stands behind a mark.
  private func language(about subject: String, _ loop: MemoryLoop) throws -> LanguageModel {
    let writer = try PatchWriter(folder.path("\(subject).errata"))
    let fact = Fact(identifier: "1", prompt: "{} is", subject: subject, target: "near")
    try writer.append(
      MemoryDraft(
        base: .init(fingerprint: Digest(of: []), model: nil),
        parts: [
          .init(
            method: "mello", route: .subject, action: .loop(loop),
            facts: [MemoryFact(.object(fact.jsonMembers))])
        ]))
    let patch = try writer.finish(tool: "test", family: nil, edit: nil)
    return LanguageModel(
      network: model.network, tokenizer: model.tokenizer, memory: try Memory([patch], threads: 1))
  }

  /// What the model says to a prompt anyhow, in two parts.
  private func said(_ prompt: String) throws -> (mark: String, rest: String) {
    let plain = LanguageModel(network: model.network, tokenizer: model.tokenizer)
    let words = try plain.continuation(of: prompt, count: 4).drop(while: \.isWhitespace)
    return (String(words.prefix(3)), String(words.dropFirst(3).prefix { $0.isLetter }))
  }

  @Test func `a fact is looked up by what the model asks, in a batch as alone`() throws {
    let prompts = model.records.prefix(3).map(\.fact.filledPrompt)
    let (mark, rest) = try said(prompts[0])
    var loop = MemoryLoop(text: "{question}", generations: 2, tokens: 4)
    loop.subquestion = mark
    let asking = try language(about: rest, loop)
    let found = try #require(try asking.deliberate(Array(prompts)))
    let first = found[0]
    #expect(first.rounds[0].subquestion.hasPrefix(rest) && first.rounds[0].recall?.fact.subject == rest)
    #expect(first.speaks && first.answer == nil && first.generationLimit == 2)
    for (index, prompt) in prompts.enumerated() {
      #expect(try asking.deliberate([prompt])?[0] == found[index])
    }
    #expect(try asking.continuation(of: prompts[0], count: 4) == "")
  }

  @Test func `the answer is what the loop comes to, and without a fact what the model says by itself`() throws
  {
    let prompt = model.records[0].fact.filledPrompt
    let (mark, rest) = try said(prompt)
    var loop = MemoryLoop(text: "{question}", generations: 2, tokens: 4)
    loop.final = mark
    let silent = try language(about: rest, loop)
    let own = try #require(try silent.deliberate([prompt])?[0])
    #expect(own.answer?.hasPrefix(rest) == true && own.end == .answer && !own.speaks)
    let plain = LanguageModel(network: model.network, tokenizer: model.tokenizer)
    #expect(
      try silent.continuation(of: prompt, count: 4) == plain.continuation(of: prompt, count: 4))
    #expect(try plain.deliberate([prompt]) == nil)
  }

  @Test func `a text without room is said to have none`() throws {
    let loop = MemoryLoop(
      text: String(repeating: "one two three ", count: 60) + "{question}", generations: 2, tokens: 4)
    let found = try language(about: "Ada", loop).deliberate(["Ada is"])?[0]
    #expect(found?.end == .room && found?.speaks == true && found?.rounds == [])
  }
}
