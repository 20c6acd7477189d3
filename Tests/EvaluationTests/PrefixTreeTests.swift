import TestSupport
import Testing

@testable import Evaluation

struct PrefixTreeTests {
  @Test func `what sequences begin with is one node`() {
    let tree = PrefixTree([[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 6], [9]])
    // 1 2 3 is shared by three; behind it 4 by two, which is too little for a node of its own.
    #expect(tree.tokenCount == 3 + 1 + 2 + 1 + 1)
    #expect(tree.levelCount == 2)
  }

  @Test func `a short beginning does not hide a longer one`() {
    // The first token alone is not worth a node, 1 2 3 4 5 is.
    let tree = PrefixTree([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 7], [1, 9]])
    #expect(tree.tokenCount == 5 + 1 + 1 + 2)
  }

  @Test(arguments: 0..<40) func `the way to a sequence's end holds its tokens`(seed: UInt64) {
    var generator = SplitMix64(state: seed)
    var sequences = Set<[Int32]>()
    for _ in 0..<30 {
      let length = 1 + Int(generator.next() % 9)
      sequences.insert((0..<length).map { _ in Int32(generator.next() % 2) })
    }
    let sorted = sequences.sorted { $0.lexicographicallyPrecedes($1) }
    let tree = PrefixTree(sorted)
    for (index, sequence) in sorted.enumerated() {
      var tokens: [Int32] = []
      var node: Int? = tree.ends[index]
      while let place = node {
        let own = tree.nodes[place]
        #expect(!own.tokens.isEmpty)
        #expect(own.parent.map { tree.nodes[$0].level } ?? -1 == own.level - 1)
        tokens = Array(sorted[own.sequence][own.tokens]) + tokens
        node = own.parent
      }
      #expect(tokens == sequence)
    }
    #expect(tree.tokenCount <= sorted.reduce(0) { $0 + $1.count })
  }
}
