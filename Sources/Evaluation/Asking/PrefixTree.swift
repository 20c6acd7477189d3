/// Token sequences as a tree, so that what several of them begin with is run once.
///
/// Probes share a great deal: an answer and its rival the prompt, neighbors the statement before them, all prompts of a record one
/// demonstration, prompts of a relation its words, a subject's prompts its name.
struct PrefixTree {
  /// Tokens that follow those of the parent.
  struct Node: Equatable {
    /// A sequence that runs through here.
    let sequence: Int
    /// Its tokens that are the node's own; never empty.
    let tokens: Range<Int>
    /// What comes before; `nil` at the beginning of a text.
    let parent: Int?
    /// Nodes before it on the way.
    let level: Int
  }

  /// Tokens that a node of its own must save: a pass over few tokens costs more than it spares.
  private static let least = 3

  /// Parents before their children.
  private(set) var nodes: [Node] = []
  /// For each sequence, in the order given, its last node.
  private(set) var ends: [Int]

  /// Joins distinct sequences, none of them empty.
  ///
  /// - Parameter sequences: sorted, so that those with a common beginning stand together.
  init(_ sequences: [[Int32]]) {
    ends = [Int](repeating: -1, count: sequences.count)
    grow(sequences, 0..<sequences.count, from: 0, splitAt: 0, parent: nil, level: 0)
  }

  /// All tokens that are run.
  var tokenCount: Int { nodes.reduce(0) { $0 + $1.tokens.count } }
  /// Passes.
  var levelCount: Int { (nodes.map(\.level).max() ?? -1) + 1 }

  /// Nodes for sequences that are alike up to `splitAt`, of whose tokens those from `start` on have no node yet.
  private mutating func grow(
    _ sequences: [[Int32]], _ range: Range<Int>, from start: Int, splitAt: Int, parent: Int?, level: Int
  ) {
    var first = range.lowerBound
    while first < range.upperBound {
      guard sequences[first].count > splitAt else {
        // It ends where the others split: in a node of its own, unless the parent ends here too.
        ends[first] = start < splitAt ? add(first, start..<splitAt, parent, level) : parent!
        first += 1
        continue
      }
      let token = sequences[first][splitAt]
      let next = (first + 1..<range.upperBound).first { sequences[$0][splitAt] != token } ?? range.upperBound
      let members = first..<next
      if members.count == 1 {
        ends[first] = add(first, start..<sequences[first].count, parent, level)
      } else {
        let last = sequences[next - 1]
        let common = zip(sequences[first], last).prefix { $0 == $1 }.count
        if (members.count - 1) * (common - start) >= Self.least {
          let node = add(first, start..<common, parent, level)
          grow(sequences, members, from: common, splitAt: common, parent: node, level: level + 1)
        } else {
          grow(sequences, members, from: start, splitAt: common, parent: parent, level: level)
        }
      }
      first = next
    }
  }

  private mutating func add(_ sequence: Int, _ tokens: Range<Int>, _ parent: Int?, _ level: Int) -> Int {
    nodes.append(Node(sequence: sequence, tokens: tokens, parent: parent, level: level))
    return nodes.count - 1
  }
}
