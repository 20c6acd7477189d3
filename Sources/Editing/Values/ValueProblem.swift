internal import Transformer

/// The texts of one group of facts, as value optimization runs them.
struct ValueProblem: Sendable {
  /// The group's facts, in their contexts.
  let prompts: [FactPrompt]
  /// The subject alone.
  let subject: FactPrompt.Text

  init(
    _ group: FactGroup, contexts: [ContextTemplate], chat: ChatFrame? = nil, encoder: PromptEncoder
  ) throws {
    prompts = try group.facts.map { try FactPrompt($0, contexts: contexts, chat: chat, encoder: encoder) }
    // Methods without subjects ask for none.
    subject =
      group.facts[0].hasSubjectPlace
      ? try FactPrompt.subject(of: group.facts[0], encoder: encoder) : prompts[0].texts[0]
  }

  var factCount: Int { prompts.count }

  /// One text that is run, with what is read from it.
  struct Input {
    let tokens: [Int32]
    /// The subject's last token, where the offset is added.
    let subject: Int
    /// Target tokens, each with the position that predicts it.
    let targets: [(position: Int, token: Int)]
    /// The fact within the group; `nil` for the subject alone.
    let fact: Int?
  }

  /// Every fact in every context, the target's tokens but the last appended; then the subject alone.
  var inputs: [Input] {
    var inputs: [Input] = []
    for (index, prompt) in prompts.enumerated() {
      for text in prompt.texts {
        inputs.append(
          Input(
            tokens: text.tokens + text.target.dropLast(), subject: text.subject,
            targets: text.target.enumerated().map { (text.tokens.count - 1 + $0, Int($1)) }, fact: index))
      }
    }
    inputs.append(Input(tokens: subject.tokens, subject: subject.subject, targets: [], fact: nil))
    return inputs
  }

  /// Positions from the subject's last token on, over all inputs.
  var rowCount: Int { inputs.reduce(0) { $0 + $1.tokens.count - $1.subject } }
}
