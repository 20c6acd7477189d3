internal import Transformer

/// A fact as tracing sees it: the prompt's tokens, those of the subject among them, and the answer that the model is to know.
struct TracePrompt: Sendable {
  /// Tokens of the prompt.
  let tokens: [Int32]
  /// Those that have a part of the subject.
  let subject: Range<Int>
  /// Tokens of the answer.
  let answer: [Int32]
  /// The answer as text.
  let answerText: String

  /// - Throws: `EditError` where the fact has no place for its subject, or cannot be put to the network.
  init(_ fact: Fact, encoder: PromptEncoder) throws(EditError) {
    // What the model said before is what it may know; a fact that says nothing of it is asked for itself.
    let text = fact.formerTarget ?? fact.target
    let prompt = fact.filledPrompt
    let encoded: TokenizedText
    let continuation: Continuation?
    do throws(PromptError) {
      encoded = try encoder.prompt(prompt)
      continuation = try encoder.continuation(prompt, fact.join(before: text), text)
    } catch { throw EditError.promptNotForNetwork(fact: fact.identifier, error) }
    let bytes = fact.textBeforeSubject.utf8.count..<fact.textThroughSubject.utf8.count
    let places = encoded.byteRanges.indices.filter { encoded.byteRanges[$0].overlaps(bytes) }
    guard fact.hasSubjectPlace, let first = places.first, let last = places.last else {
      throw EditError.subjectHasNoToken(fact: fact.identifier, subject: fact.subject)
    }
    guard let continuation, last < continuation.prompt.count else {
      throw EditError.targetNotAfterPrompt(fact: fact.identifier, prompt: prompt, target: text)
    }
    let count = continuation.prompt.count + continuation.target.count
    if let limit = encoder.positionLimit, count > limit {
      throw EditError.promptTooLong(fact: fact.identifier, tokens: count, positions: limit)
    }
    (tokens, answer) = (continuation.prompt, continuation.target)
    subject = first..<last + 1
    answerText = text
  }
}
