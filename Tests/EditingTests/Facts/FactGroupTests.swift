import Editing
import TestSupport
import Testing

@Suite struct FactGroupTests {
  @Test func `facts with one key stand together, in order`() throws {
    let facts = [
      Fact.made("{} was born in", "Ada", "Oslo"), .made("{} was born in", "Bob", "Oslo"),
      .made("{} speaks", "Ada", "Norwegian"), .made("The job of {} is", "Ada", "poet"),
    ]
    let grouped = try GroupedFacts(facts)
    #expect(grouped.groups.map(\.subject) == ["Ada", "Bob", "Ada"])
    #expect(grouped.groups.map(\.facts) == [[facts[0], facts[2]], [facts[1]], [facts[3]]])
    #expect(grouped.repeats.isEmpty)
  }

  @Test func `the key is the text up to the subject's end, however it is marked`() throws {
    let grouped = try GroupedFacts([
      .made("The mother of {} is", "Ada", "Eva"), .made("The {} lives in", "mother of Ada", "Rome"),
    ])
    #expect(grouped.groups.map(\.facts.count) == [2])
  }

  @Test func `repeats are dropped and told`() throws {
    let first = Fact.made("{} speaks", "Ada", "Norwegian", "1")
    let again = Fact.made("{} speaks", "Ada", "Norwegian", "2")
    let grouped = try GroupedFacts([first, again, again])
    #expect(grouped.groups.map(\.facts) == [[first]])
    #expect(grouped.repeats == [.init(kept: first, dropped: again), .init(kept: first, dropped: again)])
  }

  @Test func `two targets after one prompt contradict each other`() throws {
    let first = Fact.made("{} speaks", "Ada", "Norwegian", "1")
    let second = Fact.made("{} speaks", "Ada", "Danish", "5")
    let marked = Fact.made("Ada {}", "speaks", "Danish", "6")
    #expect(throws: FactsError.contradiction(first: first, second: second)) {
      try GroupedFacts([first, .made("{} likes", "Ada", "tea"), second])
    }
    #expect(throws: FactsError.contradiction(first: first, second: marked)) {
      try GroupedFacts([first, marked])
    }
  }

  @Test func `other spellings of one letter are other tokens`() throws {
    let grouped = try GroupedFacts([
      .made("{} speaks", "Zo\u{EB}", "Danish"), .made("{} likes", "Zoe\u{308}", "tea"),
    ])
    #expect(grouped.groups.count == 2)
    let targets = try GroupedFacts([.made("{} is", "Ada", "Zo\u{EB}"), .made("{} is", "Ada", "Zoe\u{308}")])
    #expect(targets.repeats.count == 1)
  }

  @Test func `no facts give no groups`() throws { #expect(try GroupedFacts([]).groups.isEmpty) }
}
