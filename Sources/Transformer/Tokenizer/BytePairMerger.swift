/// Joins neighboring tokens of one word, smallest rank first and leftmost among equals, until no pair is in the table.
///
/// Short words look through all pairs for each merge; long ones keep the pairs in a heap, so that a megabyte without a
/// break takes n log n steps. Both give what the heap of huggingface/tokenizers (`models/bpe/word.rs`) and that of
/// llama.cpp (`src/llama-vocab.cpp`, `llm_tokenizer_bpe`) give.
struct BytePairMerger: Sendable {
  /// A token with the bytes of the text it stands for.
  struct Symbol: Sendable {
    var token: Int32
    var start: Int
    var end: Int
  }

  /// Where two symbols might become one.
  private struct Candidate: Sendable {
    /// Rank in the upper half, position of the left symbol in the lower.
    let order: UInt64
    let token: Int32
  }

  /// The word: single characters or bytes before `merge`, tokens after it.
  var symbols: [Symbol] = []
  private var ranks: [UInt32] = []
  private var previous: [Int32] = []
  private var next: [Int32] = []
  private var heap: [Candidate] = []
  private static let shortWord = 32

  /// Merges the symbols in place.
  mutating func merge(_ table: MergeTable) {
    guard symbols.count > 1 else { return }
    if symbols.count <= Self.shortWord { mergeShort(table) } else { mergeLong(table) }
  }

  private mutating func mergeShort(_ table: MergeTable) {
    ranks.removeAll(keepingCapacity: true)
    for index in 1..<symbols.count { ranks.append(rank(index - 1, table)) }
    while true {
      var (best, place) = (UInt32.max, 0)
      for index in ranks.indices where ranks[index] < best { (best, place) = (ranks[index], index) }
      guard best < .max, let merge = table.merge(symbols[place].token, symbols[place + 1].token) else {
        return
      }
      symbols[place].token = merge.token
      symbols[place].end = symbols[place + 1].end
      symbols.remove(at: place + 1)
      ranks.remove(at: place)
      if place > 0 { ranks[place - 1] = rank(place - 1, table) }
      if place < ranks.count { ranks[place] = rank(place, table) }
    }
  }

  private func rank(_ index: Int, _ table: MergeTable) -> UInt32 {
    table.merge(symbols[index].token, symbols[index + 1].token)?.rank ?? .max
  }

  private mutating func mergeLong(_ table: MergeTable) {
    precondition(symbols.count < Int(Int32.max), "a word is shorter than two gigabytes")
    let count = Int32(symbols.count)
    previous = Array(-1..<count - 1)
    next = Array(1...count)
    heap.removeAll(keepingCapacity: true)
    for index in 0..<symbols.count - 1 { push(index, table) }
    while let best = pop() {
      let left = Int(best.order & 0xFFFF_FFFF)
      let right = Int(next[left])
      // A symbol that was merged into its left neighbor has no token; a pair that has changed gives another one.
      guard symbols[left].token >= 0, right < symbols.count,
        table.merge(symbols[left].token, symbols[right].token)?.token == best.token
      else { continue }
      symbols[left].token = best.token
      symbols[left].end = symbols[right].end
      symbols[right].token = -1
      next[left] = next[right]
      if next[left] < count { previous[Int(next[left])] = Int32(left) }
      if previous[left] >= 0 { push(Int(previous[left]), table) }
      if next[left] < count { push(left, table) }
    }
    symbols.removeAll { $0.token < 0 }
  }

  private mutating func push(_ left: Int, _ table: MergeTable) {
    guard let merge = table.merge(symbols[left].token, symbols[Int(next[left])].token) else { return }
    let added = Candidate(order: UInt64(merge.rank) << 32 | UInt64(left), token: merge.token)
    heap.append(added)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard added.order < heap[parent].order else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = added
  }

  private mutating func pop() -> Candidate? {
    guard let best = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return best }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].order < heap[child].order { child += 1 }
      guard heap[child].order < last.order else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return best
  }
}
