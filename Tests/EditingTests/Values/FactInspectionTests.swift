import ModelFiles
import TestSupport
import Testing

@testable import Editing
@testable import Transformer

/// What is said of facts before anything is computed for them.
@Suite struct FactInspectionTests {
  private let model: FixtureModel

  init() throws { model = try FixtureModel("tiny-gpt2") }

  private func inspect(_ facts: [Fact], usesSubjects: Bool = true, vocabularySize: Int? = nil)
    -> FactInspection
  {
    let encoder =
      vocabularySize.map { PromptEncoder(model.tokenizer, vocabularySize: $0) } ?? model.encoder
    return FactInspection(facts.map { FactRecord($0) }, encoder: encoder, usesSubjects: usesSubjects)
  }

  private func fact(_ prompt: String, _ subject: String, id: String = "1") -> Fact {
    Fact(identifier: id, prompt: prompt, subject: subject, target: "Oslo")
  }

  @Test func `a subject of one token at the text's start is told`() throws {
    let single = try #require(
      ["a", "e", "t", "I"].first {
        model.tokenizer.encode($0 + " x").tokens.count > 1 && model.tokenizer.encode($0).tokens.count == 1
      })
    #expect(model.tokenizer.beginToken == nil)
    #expect(inspect([fact("{} is in", single)]).notices == [.subjectIsFirst(fact: "1", subject: single)])
    // Not where a word stands before it, where it has several tokens, or where no key is taken at it.
    #expect(inspect([fact("Here {} is in", single)]).notices.isEmpty)
    #expect(inspect([fact("{} is in", "Hanno Hale")]).notices.isEmpty)
    #expect(inspect([fact("{} is in", single)], usesSubjects: false).notices.isEmpty)
  }

  @Test func `a model with a begin-of-text token has no such subject`() throws {
    let tokenizer = try Tokenizer(
      json: FileBytes.read(PackageFiles.path("Fixtures/tokenizers/llama3.tokenizer.json")), file: "t")
    let encoder = PromptEncoder(tokenizer, vocabularySize: tokenizer.vocabularySize)
    #expect(tokenizer.beginToken != nil)
    let found = FactInspection([FactRecord(fact("{} is in", "a"))], encoder: encoder, usesSubjects: true)
    #expect(found.notices.isEmpty && found.usable.count == 1)
  }

  @Test func `a subject inside a longer word is told with the word`() {
    #expect(
      inspect([fact("The {}na road goes to", "Ada")]).notices
        == [.subjectInsideWord(fact: "1", subject: "Ada", word: "Adana")])
    #expect(
      inspect([fact("The Ma{} road goes to", "rio")]).notices
        == [.subjectInsideWord(fact: "1", subject: "rio", word: "Mario")])
    for prompt in ["The {}'s road goes to", "The “{}” road", "The {}-road", "The {}は"] {
      #expect(inspect([fact(prompt, "Ada")]).notices.isEmpty, "\(prompt)")
    }
  }

  @Test func `facts without room or with unknown tokens are refused one by one`() {
    let long = fact(
      String(repeating: "The harbor is quiet. ", count: 30) + "{} is in", "Hanno Hale", id: "long")
    let good = fact("The home of {} is in", "Hanno Hale", id: "good")
    let found = inspect([long, good])
    #expect(found.usable.map(\.fact) == [good])
    #expect(found.refused.map(\.record.fact.identifier) == ["long"])
    guard case .promptTooLong(fact: "long", let tokens, positions: 72)? = found.refused.first?.reason else {
      Issue.record("\(found.refused)")
      return
    }
    #expect(tokens > 72)
    // A network with fewer rows than the tokenizer has tokens.
    let fewer = inspect([good], vocabularySize: 300)
    guard
      case .promptNotForNetwork(fact: "good", .tokenNotInNetwork(let token, _, _, 300))? = fewer.refused
        .first?.reason
    else {
      Issue.record("\(fewer.refused)")
      return
    }
    #expect(token >= 300)
  }

  @Test func `where positions are turned, a text beyond training is told and taken`() throws {
    let model = try FixtureModel("tiny-llama")
    let long = fact(String(repeating: "The harbor is quiet. ", count: 40) + "{} is in", "Hanno Hale")
    let found = FactInspection([FactRecord(long)], encoder: model.encoder, usesSubjects: true)
    #expect(found.usable.count == 1)
    guard case .beyondTraining(fact: "1", let tokens, positions: 112)? = found.notices.first else {
      Issue.record("\(found.notices)")
      return
    }
    #expect(tokens > 112)
  }
}
