/// Texts that are run together, each going on from what it shares with the one before it, so that no beginning is run twice.
///
/// Probes share a great deal: an answer and its rival the prompt, neighbors the statement before them, all prompts of a record one
/// demonstration, prompts of a relation its words, a subject's prompts its name.
struct SharedTexts {
  /// What is run.
  private(set) var sequences: [TokenSequence] = []
  /// Tokens that are run: rows of the batch.
  private(set) var rowCount = 0
  /// The row of each position of the text that was added last.
  private(set) var path: [Int] = []
  private var last: [Int32] = []

  /// Rows that a text would take if it came next.
  func cost(of text: [Int32]) -> Int { text.count - shared(with: text) }

  /// Adds a text; sorted texts share the most. One that is the beginning of the one before it takes no row.
  mutating func add(_ text: [Int32]) {
    let count = shared(with: text)
    let fresh = text.count - count
    path.removeSubrange(count...)
    path += rowCount..<rowCount + fresh
    rowCount += fresh
    if fresh > 0 { sequences.append(TokenSequence(Array(text[count...]), sharing: count)) }
    last = text
  }

  private func shared(with text: [Int32]) -> Int { zip(last, text).prefix { $0 == $1 }.count }
}
