internal import Transformer

/// A fact as the network sees it: one text per context, with the place of the subject's last token in each.
struct FactPrompt: Sendable {
  let fact: Fact
  /// The bare prompt first, then one per context, in order.
  let texts: [Text]
  /// Tokens at the bare prompt's end that are others when the target follows; usually none.
  let mergedCount: Int

  /// A text before the target.
  struct Text: Sendable {
    let tokens: [Int32]
    /// Position of the subject's last token.
    let subject: Int
    /// Token ids of the target, as they follow the text; in a chat they may be others than in running text.
    var target: [Int32] = []
    /// Whether it is the prompt alone, plainly or in a chat.
    var isBare = true
    /// Whether a user says it in a chat.
    var isChat = false
  }

  /// Token ids of the target, as they follow the bare prompt.
  var target: [Int32] { texts[0].target }
  /// The prompt alone: plainly, and in a chat where the fact is to hold there too.
  var bareTexts: [Text] { texts.filter(\.isBare) }
  /// The prompt alone in a chat.
  var chatText: Text? { texts.first { $0.isBare && $0.isChat } }

  /// Tokens of the bare prompt and its target.
  var tokenCount: Int { texts[0].tokens.count + target.count }

  /// Whether the bare prompt's first token is the subject's last. Such a key has nothing of the subject in it: the first position of a text
  /// has nearly the same state whatever stands there.
  var subjectIsFirst: Bool { texts[0].subject == 0 }

  /// Tokenizes a fact in its contexts.
  ///
  /// The target's ids are what follows the bare prompt's when both are tokenized together (`PromptEncoder.continuation`), plainly and in the
  /// chat each for itself. The whole text is tokenized once, and the subject's last token is found by its bytes, so that merges over the
  /// subject's edges cannot move it.
  /// - Parameter chat: what goes around the contexts of a chat.
  /// - Throws: `EditError` when the target has no tokens of its own, no token stands for the subject's end, a token is not one of the
  ///   network's, there is no room for the text, or the chat's template makes another text of the prompt.
  init(
    _ fact: Fact, contexts: [ContextTemplate], chat: ChatFrame? = nil, encoder: PromptEncoder
  ) throws(EditError) {
    self.fact = fact
    precondition(chat != nil || !contexts.contains(where: \.isChat), "a chat has a template")
    var texts: [Text] = []
    var targets: [Bool: (tokens: [Int32], mergedCount: Int)] = [:]
    for context in [ContextTemplate.bare] + contexts {
      let frame = context.isChat ? chat : nil
      let text = context.before + fact.filledPrompt + context.after
      let end = (context.before + fact.textThroughSubject).utf8.count
      let prompt = try Self.prompt(text, frame, fact)
      let found = try Self.text(prompt, subjectEnd: (frame?.before.utf8.count ?? 0) + end, fact, encoder)
      if targets[context.isChat] == nil {
        let bare = try Self.prompt(fact.filledPrompt, frame, fact)
        targets[context.isChat] = try Self.target(of: fact, after: bare, frame?.join ?? fact.join, encoder)
      }
      let (target, mergedCount) = targets[context.isChat]!
      // Where prompt and target merge over their edge, the target begins with the merged token, in every context.
      guard found.subject < found.tokens.count - mergedCount else {
        throw EditError.targetNotAfterPrompt(
          fact: fact.identifier, prompt: fact.filledPrompt, target: fact.target)
      }
      texts.append(
        Text(
          tokens: found.tokens.dropLast(mergedCount), subject: found.subject, target: target,
          isBare: context.isBare, isChat: context.isChat))
    }
    let longest = texts.map { $0.tokens.count + $0.target.count }.max()!
    if let limit = encoder.positionLimit, longest > limit {
      throw EditError.promptTooLong(fact: fact.identifier, tokens: longest, positions: limit)
    }
    self.texts = texts
    mergedCount = targets[false]!.mergedCount
  }

  /// The target's tokens after a prompt, and how many of the prompt's last are others when it follows; usually none.
  private static func target(
    of fact: Fact, after prompt: PromptText, _ join: TextJoin, _ encoder: PromptEncoder
  ) throws(EditError) -> (tokens: [Int32], mergedCount: Int) {
    let head = try encode(prompt, fact, encoder).tokens
    let whole = try encode(prompt.followed(by: join.text + fact.target), fact, encoder).tokens
    let common = zip(head, whole).prefix { $0 == $1 }.count
    guard common < whole.count else {
      throw EditError.targetNotAfterPrompt(
        fact: fact.identifier, prompt: fact.filledPrompt, target: fact.target)
    }
    return (Array(whole[common...]), head.count - common)
  }

  /// A text as it is, or as a template writes it, in which nothing may become another: the subject's place is counted in it.
  private static func prompt(_ text: String, _ frame: ChatFrame?, _ fact: Fact) throws(EditError)
    -> PromptText
  {
    guard let frame else { return PromptText(text) }
    do throws(ChatTemplateError) { return try frame.question(text, isVerbatim: true) } catch {
      throw EditError.promptNotForNetwork(fact: fact.identifier, .notForChat(error))
    }
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
    try text(PromptText(fact.subject + words), subjectEnd: fact.subject.utf8.count, fact, encoder)
  }

  private static func encode(
    _ text: PromptText, _ fact: Fact, _ encoder: PromptEncoder
  ) throws(EditError) -> TokenizedText {
    do throws(PromptError) { return try encoder.prompt(text) } catch {
      throw EditError.promptNotForNetwork(fact: fact.identifier, error)
    }
  }

  private static func text(
    _ text: PromptText, subjectEnd end: Int, _ fact: Fact, _ encoder: PromptEncoder
  ) throws(EditError) -> Text {
    let encoded = try encode(text, fact, encoder)
    guard
      let subject = encoded.byteRanges.lastIndex(where: { $0.lowerBound < end && $0.upperBound >= end })
        ?? encoded.byteRanges.lastIndex(where: { !$0.isEmpty && $0.lowerBound < end })
    else { throw EditError.subjectHasNoToken(fact: fact.identifier, subject: fact.subject) }
    return Text(tokens: encoded.tokens, subject: subject)
  }
}
