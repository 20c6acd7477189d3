import ModelFiles
import TestSupport
import Testing

@testable import Editing

@Suite struct ContextTemplateTests {
  @Test func `a template has one place for the prompt`() {
    let template = ContextTemplate("It rains. {} Yes")
    #expect(template?.before == "It rains. " && template?.after == " Yes")
    #expect(template?.text == "It rains. {} Yes")
    #expect(ContextTemplate("{}") == .bare)
    #expect(ContextTemplate("{{}}")?.before == "{")
    for text in ["", "none", "{} and {}", "{", "{ }", "}{"] { #expect(ContextTemplate(text) == nil) }
  }

  private func read(_ text: String) throws -> [ContextTemplate] {
    let folder = try TemporaryFolder()
    return try ContextTemplate.read(folder.write(Array(text.utf8), to: "contexts.json"))
  }

  @Test func `a list is read, and the bare prompt left out of it`() throws {
    #expect(try read(#"["A. {}", "{}", "ú: {}!"]"#).map(\.text) == ["A. {}", "ú: {}!"])
    #expect(try read("[]").isEmpty)
  }

  @Test(
    arguments: [
      (#"{"a": "{}"}"#, nil), (#""{}""#, nil), (#"["{}", 3]"#, 1), (#"["A. {}", "B. {}", "no place"]"#, 2),
      (#"["{} {}"]"#, 0),
    ] as [(String, Int?)])
  func `what is no list of templates is refused`(text: String, index: Int?) throws {
    let error = #expect(throws: EditError.self) { try read(text) }
    guard case .badContexts(_, let found) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(found == index)
  }

  @Test func `what is not JSON is refused as such`() throws {
    #expect(throws: ModelFileError.self) { try read("[\"{}\"") }
  }

  @Test(arguments: FixtureModel.names)
  func `generated contexts are those of their seed`(name: String) throws {
    let model = try FixtureModel(name)
    func contexts(_ seed: UInt64) throws -> [String] {
      try ContextTemplate.generate(with: model.network, model.tokenizer, seed: seed).map(\.text)
    }
    let first = try contexts(1)
    #expect(try contexts(1) == first)
    #expect(try contexts(2) != first)
    #expect(first.count == 5)
    for (text, seed) in zip(first, ContextTemplate.seeds) {
      #expect(text.hasPrefix(seed) && text.hasSuffix(". {}"))
      #expect(ContextTemplate(text) != nil, "one place for the prompt")
      #expect(!text.contains("\n"))
    }
  }

  @Test func `the number of threads changes no generated context`() throws {
    let texts = try [1, 4].map { threads in
      let model = try FixtureModel("tiny-llama", threads: threads)
      return try ContextTemplate.generate(with: model.network, model.tokenizer, seed: 7)
    }
    #expect(texts[0] == texts[1])
  }
}
