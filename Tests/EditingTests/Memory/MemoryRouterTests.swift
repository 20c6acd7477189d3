import Floor
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing
@testable import Patches

@Suite struct MemoryRouterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A memory of facts in one route, behind the template.
  private func memory(
    _ facts: [(prompt: String, subject: String, target: String)], _ route: MemoryRoute = .subject,
    text: String = "New Fact: {fact}\nPrompt: {question}", name: String = "m"
  ) throws -> Memory {
    let stored = facts.enumerated().map { index, fact in
      MemoryFact(
        .object(
          Fact(
            identifier: "\(index + 1)", prompt: fact.prompt, subject: fact.subject,
            target: fact.target
          ).jsonMembers))
    }
    let writer = try PatchWriter(folder.path(name))
    try writer.append(
      MemoryDraft(
        base: .init(fingerprint: Digest(of: []), model: nil),
        parts: [
          .init(method: "ike", route: route, action: MemoryAction(text: text)!, facts: stored)
        ]))
    let patch = try writer.finish(tool: "test", family: nil, edit: nil)
    return try #require(try Memory([patch], threads: 1))
  }

  private let cities = [
    ("You will find {} in the country of", "Marseille", "Brazil"),
    ("{} was founded by", "Marseille", "Phocaeans"),
    ("{} lies in", "New York City", "Japan"), ("{} lies in", "New York", "Peru"),
  ]

  @Test func `the fact about the subject of the last sentence speaks`() throws {
    let memory = try memory(cities)
    func target(_ prompt: String) throws -> String? { try memory.recall(prompt)?.fact.target }
    #expect(try target("Marseille belongs to the country of") == "Brazil")
    #expect(try target("MARSEILLE was founded by the") == "Phocaeans")
    #expect(try target("Toulouse is located in the country of") == nil)
    // A neighbor behind the statement itself is the yardstick's distractor.
    #expect(
      try target(
        "You will find Marseille in the country of Brazil. Hiroshima is located in the country of")
        == nil)
    #expect(try target("It rains. New York City lies in") == "Japan")
    #expect(try target("New York lies in") == "Peru")
    #expect(try target("Marseilles lies in") == nil)
    #expect(try target("") == nil)
  }

  @Test func `of two memories the nearer fact speaks, and of equals the later`() throws {
    let one = try memory(cities, name: "one").sources + memory([cities[0]], name: "two").sources
    let both = Memory(sources: one)
    #expect(try both.recall("Marseille belongs to the country of")?.path.hasSuffix("two") == true)
    #expect(try both.recall("Marseille was founded by")?.path.hasSuffix("one") == true)
  }

  @Test func `near prompts are found by their spelling`() throws {
    let memory = try memory(
      [
        ("what is a synonym of large", "", "give one word"),
        ("what is the plural of mouse", "", "mice"),
      ],
      .near(distance: 5))
    #expect(try memory.recall("What is a synonym of big?")?.fact.target == "give one word")
    #expect(try memory.recall("what is the plural of moose")?.fact.target == "mice")
    #expect(try memory.recall("what is a homonym of ring") == nil)
  }

  @Test func `a note is for whatever stands in angle brackets`() throws {
    let memory = try memory(
      [("what rings like < papaya > ?", "", "a homonym"), ("<all>", "", "anything")],
      .near(distance: 5))
    #expect(try memory.recall("What rings like <tomato>?")?.fact.target == "a homonym")
    #expect(try memory.recall("what rings like tomatoes and peas?") == nil)
    // Nothing is left of it, so nothing is near to it.
    #expect(try memory.recall("<any>") == nil)
  }

  @Test func `words are weighed by how rare they are`() throws {
    let memory = try memory(
      (0..<50).map { ("the river number\($0) flows into", "", "sea\($0)") }, .words(share: 0.6))
    #expect(try memory.recall("into which sea flows river number7")?.fact.target == "sea7")
    #expect(try memory.recall("the river flows into the sea") == nil)
  }

  @Test func `a short fact is found among many that share more words`() throws {
    let memory = try memory(
      [("the sea", "", "blue")]
        + (0..<300).map { ("the river flows into the sea at number\($0)", "", "far") },
      .words(share: 0.8))
    let recall = try memory.recall("the river flows into the sea at")
    #expect(recall?.fact.target == "blue" && recall?.score == 1)
  }

  @Test func `the text has the fact in its places, and what a fact says is no place`() throws {
    let memory = try memory(
      [("{} said", "Ada", "{question}{fact}")],
      text: "{subject}: {fact}; {target} {x} {\n{question}!")
    let recall = try #require(try memory.recall("Ada said"))
    #expect(
      recall.before == "Ada: Ada said {question}{fact}; {question}{fact} {x} {\n"
        && recall.after == "!")
    let all = try self.memory(cities, .always, text: "{fact}\n\n{question}", name: "all")
    let always = try #require(try all.recall("Anything"))
    #expect(
      always.count == 4
        && always.before.hasPrefix(
          "You will find Marseille in the country of Brazil\nMarseille was")
    )
  }

  @Test func `the route sees the prompt, not what follows it`() throws {
    let memory = try memory(cities)
    #expect(try memory.recall("The city is") == nil)
    #expect(try memory.recall("The city is Marseille") != nil)
  }
}
