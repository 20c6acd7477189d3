internal import Transformer

/// What the model says of a subject by itself, after a few beginnings: other properties of it are among that, and an edit is to leave
/// them alone.
///
/// The subject's last state is what all statements about it read. With the divergence at the subject alone only what follows it at once is
/// held; the words after it are where properties are told.
struct OwnWords {
  /// A text of the subject, with the positions whose predictions are to stay.
  struct Text: Sendable {
    let tokens: [Int32]
    /// Position of the subject's last token.
    let subject: Int
    /// From the beginning's last token to the last but one.
    let kept: Range<Int>
  }

  /// What follows the subject.
  static let beginnings = [" is", " has", " was known for", " and the"]
  /// Tokens of each text.
  static let length = 12

  let network: Network
  let encoder: PromptEncoder

  /// Texts of each group, greedily; what would tell the edited fact as it was is cut off, for that is to change.
  ///
  /// - Throws: `EditError`, `NetworkError`.
  func texts(of groups: [FactGroup]) throws -> [[Text]] {
    var prompts: [(group: Int, text: FactPrompt.Text)] = []
    for (index, group) in groups.enumerated() where group.facts[0].hasSubjectPlace {
      for beginning in Self.beginnings {
        prompts.append(
          (index, try FactPrompt.text(of: group.facts[0], followedBy: beginning, encoder: encoder)))
      }
    }
    var texts = [[Text]](repeating: [], count: groups.count)
    for first in stride(from: 0, to: prompts.count, by: 64) {
      let part = prompts[first..<min(first + 64, prompts.count)]
      let words = try network.generate(part.map(\.text.tokens), count: Self.length, stops: encoder.stops)
      for ((group, text), words) in zip(part, words) {
        let own = kept(words, after: text.tokens, groups[group])
        guard !own.isEmpty, encoder.fits(text.tokens.count + own.count) else { continue }
        texts[group].append(
          Text(
            tokens: text.tokens + own.dropLast(), subject: text.subject,
            kept: text.tokens.count - 1..<text.tokens.count - 1 + own.count))
      }
    }
    return texts
  }

  /// The words up to where they come to what the facts said before, or are to say.
  private func kept(_ words: [Int32], after prompt: [Int32], _ group: FactGroup) -> [Int32] {
    let answers = group.facts.flatMap { [$0.formerTarget, $0.target].compactMap { $0 } }
    var count = 0
    while count < words.count {
      let text = encoder.tokenizer.text(of: Array(words[...count]), after: prompt)
      if let answer = answers.first(where: { text.contains($0) }) {
        // Also the places that lead to it.
        return Array(
          words.prefix(max(0, count + 1 - encoder.tokenizer.encodePrompt(answer).tokens.count - 1)))
      }
      count += 1
    }
    return words
  }
}
