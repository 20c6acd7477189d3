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

  /// Tokenizes a fact in its contexts.
  ///
  /// The target's ids are what follows the prompt's when both are tokenized together: right for every tokenizer, and no
  /// begin-of-text token can slip into the target. The whole text is tokenized once, and the subject's last token is found by
  /// its bytes, so that merges over the subject's edges cannot move it.
  /// - Throws: `FactError` when the target has no tokens of its own, or no token stands for the subject's end.
  init(_ fact: Fact, contexts: [ContextTemplate], tokenizer: Tokenizer) throws {
    self.fact = fact
    var texts: [Text] = []
    for context in [ContextTemplate.bare] + contexts {
      let text = context.before + fact.filledPrompt + context.after
      let end = (context.before + fact.textBeforeSubject + fact.subject).utf8.count
      texts.append(try Self.text(text, subjectEnd: end, fact, tokenizer))
    }
    let prompt = texts[0].tokens
    let joined = tokenizer.encodePrompt(fact.filledPrompt + " " + fact.target).tokens
    let common = zip(prompt, joined).prefix { $0 == $1 }.count
    target = Array(joined[common...])
    // Where prompt and target merge over their edge, the target begins with the merged token, in every context.
    let mergedCount = prompt.count - common
    self.mergedCount = mergedCount
    guard !target.isEmpty, texts.allSatisfy({ $0.subject < $0.tokens.count - mergedCount }) else {
      throw EditError.targetNotAfterPrompt(
        fact: fact.identifier, prompt: fact.filledPrompt, target: fact.target)
    }
    self.texts = texts.map { Text(tokens: $0.tokens.dropLast(mergedCount), subject: $0.subject) }
  }

  /// The subject alone, up to its last token: where drift of what the model says of it is measured.
  static func subject(of fact: Fact, tokenizer: Tokenizer) throws -> Text {
    let text = try text(fact.subject + " is a", subjectEnd: fact.subject.utf8.count, fact, tokenizer)
    return Text(tokens: Array(text.tokens[...text.subject]), subject: text.subject)
  }

  private static func text(
    _ text: String, subjectEnd end: Int, _ fact: Fact, _ tokenizer: Tokenizer
  ) throws -> Text {
    let encoded = tokenizer.encodePrompt(text)
    guard
      let subject = encoded.byteRanges.lastIndex(where: { $0.lowerBound < end && $0.upperBound >= end })
        ?? encoded.byteRanges.lastIndex(where: { !$0.isEmpty && $0.lowerBound < end })
    else { throw EditError.subjectHasNoToken(fact: fact.identifier, subject: fact.subject) }
    return Text(tokens: encoded.tokens, subject: subject)
  }
}

extension Tokenizer {
  /// Tokens of a text that something is to follow: with what a model expects at the beginning, nothing at the end.
  func encodePrompt(_ text: String) -> TokenizedText {
    var encoded = encode(text)
    while encoded.tokens.count > 1, let last = encoded.tokens.last, let range = encoded.byteRanges.last,
      range.isEmpty, isSpecial(Int(last))
    {
      encoded.tokens.removeLast()
      encoded.byteRanges.removeLast()
    }
    return encoded
  }
}
