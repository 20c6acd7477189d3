internal import Transformer

/// A fact as the network sees it: one text per context, with the place of the subject's last token in each.
struct FactPrompt: Sendable {
  let fact: Fact
  /// The bare prompt first, then one per context, in order.
  let texts: [Text]
  /// Token ids of the target, as they follow the bare prompt.
  let target: [Int32]
  /// Tokens at the prompt's end that are others when the target follows; usually none.
  let mergedCount: Int

  /// A text before the target.
  struct Text: Sendable {
    let tokens: [Int32]
    /// Position of the subject's last token.
    let subject: Int
  }

  /// Tokens of the bare prompt and its target.
  var tokenCount: Int { texts[0].tokens.count + target.count }

  /// Whether the bare prompt's first token is the subject's last. Such a key has nothing of the subject in it: the first position of a text
  /// has nearly the same state whatever stands there.
  var subjectIsFirst: Bool { texts[0].subject == 0 }

  /// Tokenizes a fact in its contexts.
  ///
  /// The target's ids are what follows the prompt's when both are tokenized together (`PromptEncoder.continuation`). The whole text is tokenized once, and the subject's last token is found by
  /// its bytes, so that merges over the subject's edges cannot move it.
  /// - Throws: `EditError` when the target has no tokens of its own, no token stands for the subject's end, a token is not one of the
  ///   network's, or there is no room for the text.
  init(_ fact: Fact, contexts: [ContextTemplate], encoder: PromptEncoder) throws(EditError) {
    self.fact = fact
    var texts: [Text] = []
    for context in [ContextTemplate.bare] + contexts {
      let text = context.before + fact.filledPrompt + context.after
      let end = (context.before + fact.textThroughSubject).utf8.count
      texts.append(try Self.text(text, subjectEnd: end, fact, encoder))
    }
    let prompt = texts[0].tokens
    let joined = try Self.encode(fact.statement, fact, encoder).tokens
    let common = zip(prompt, joined).prefix { $0 == $1 }.count
    target = Array(joined[common...])
    // Where prompt and target merge over their edge, the target begins with the merged token, in every context.
    let mergedCount = prompt.count - common
    self.mergedCount = mergedCount
    guard !target.isEmpty, texts.allSatisfy({ $0.subject < $0.tokens.count - mergedCount }) else {
      throw EditError.targetNotAfterPrompt(
        fact: fact.identifier, prompt: fact.filledPrompt, target: fact.target)
    }
    let longest = texts.map(\.tokens.count).max()! - mergedCount + target.count
    if let limit = encoder.positionLimit, longest > limit {
      throw EditError.promptTooLong(fact: fact.identifier, tokens: longest, positions: limit)
    }
    self.texts = texts.map { Text(tokens: $0.tokens.dropLast(mergedCount), subject: $0.subject) }
  }

  /// The subject alone, up to its last token: where drift of what the model says of it is measured.
  static func subject(of fact: Fact, encoder: PromptEncoder) throws(EditError) -> Text {
    let text = try text(of: fact, followedBy: " is a", encoder: encoder)
    return Text(tokens: Array(text.tokens[...text.subject]), subject: text.subject)
  }

  /// A text that begins with the subject.
  static func text(
    of fact: Fact, followedBy words: String, encoder: PromptEncoder
  ) throws(EditError) -> Text {
    try text(fact.subject + words, subjectEnd: fact.subject.utf8.count, fact, encoder)
  }

  private static func encode(
    _ text: String, _ fact: Fact, _ encoder: PromptEncoder
  ) throws(EditError) -> TokenizedText {
    do throws(PromptError) { return try encoder.prompt(text) } catch {
      throw EditError.promptNotForNetwork(fact: fact.identifier, error)
    }
  }

  private static func text(
    _ text: String, subjectEnd end: Int, _ fact: Fact, _ encoder: PromptEncoder
  ) throws(EditError) -> Text {
    let encoded = try encode(text, fact, encoder)
    guard
      let subject = encoded.byteRanges.lastIndex(where: { $0.lowerBound < end && $0.upperBound >= end })
        ?? encoded.byteRanges.lastIndex(where: { !$0.isEmpty && $0.lowerBound < end })
    else { throw EditError.subjectHasNoToken(fact: fact.identifier, subject: fact.subject) }
    return Text(tokens: encoded.tokens, subject: subject)
  }
}
