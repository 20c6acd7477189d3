import TestSupport
import Testing

@testable import Transformer

struct SharedTextsTests {
  private static func shared(_ texts: [[Int32]]) -> SharedTexts {
    var shared = SharedTexts()
    for text in texts { shared.add(text) }
    return shared
  }

  @Test func `what a text begins with is run once`() {
    let shared = Self.shared([[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 6], [9]])
    #expect(shared.sequences.map(\.tokens) == [[1, 2, 3, 4], [5], [6], [9]])
    #expect(shared.sequences.map(\.sharedCount) == [0, 4, 3, 0])
    #expect(shared.rowCount == 7)
  }

  @Test func `a text that is the beginning of the one before it takes no row`() {
    var shared = Self.shared([[1, 2, 3], [1, 2]])
    #expect(shared.sequences.count == 1)
    #expect(shared.path == [0, 1])
    #expect(shared.cost(of: [1, 2, 4, 5]) == 2)
    shared.add([1, 2, 4, 5])
    #expect(shared.path == [0, 1, 3, 4])
    #expect(shared.sequences[1].sharedCount == 2)
  }

  @Test(arguments: 0..<40) func `the path of a text holds its tokens, each beginning once`(seed: UInt64) {
    var generator = SplitMix64(state: seed)
    var texts = Set<[Int32]>()
    for _ in 0..<30 {
      let length = 1 + Int(generator.next() % 9)
      texts.insert((0..<length).map { _ in Int32(generator.next() % 2) })
    }
    var shared = SharedTexts()
    for text in texts.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let (before, cost) = (shared.rowCount, shared.cost(of: text))
      shared.add(text)
      #expect(shared.rowCount - before == cost)
      let tokens = shared.sequences.flatMap(\.tokens)
      #expect(shared.path.map { tokens[$0] } == text)
    }
    let beginnings = Set(texts.flatMap { text in text.indices.map { Array(text[...$0]) } })
    #expect(shared.rowCount == beginnings.count)
  }
}
