internal import Transformer

/// The texts of one group of facts, as value optimization runs them.
struct ValueProblem: Sendable {
  /// The group's facts, in their contexts.
  let prompts: [FactPrompt]
  /// The subject alone.
  let subject: FactPrompt.Text
  /// What the model says of the subject by itself, which is to stay.
  let ownWords: [OwnWords.Text]

  init(
    _ group: FactGroup, contexts: [ContextTemplate], chat: ChatFrame? = nil, encoder: PromptEncoder,
    ownWords: [OwnWords.Text] = []
  ) throws {
    self.ownWords = ownWords
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
    /// The fact within the group; `nil` for texts of which what the model says is to stay.
    let fact: Int?
    /// Positions at which that is read.
    var kept: [Int] = []
    /// Whether it is the subject alone.
    var isSubject = false
  }

  /// Every fact in every context, the target's tokens but the last appended; then the subject alone, and the model's own words of it.
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
    inputs.append(
      Input(
        tokens: subject.tokens, subject: subject.subject, targets: [], fact: nil, kept: [subject.subject],
        isSubject: true))
    for text in ownWords {
      inputs.append(
        Input(tokens: text.tokens, subject: text.subject, targets: [], fact: nil, kept: Array(text.kept)))
    }
    return inputs
  }

  /// Positions from the subject's last token on, over all inputs.
  var rowCount: Int { inputs.reduce(0) { $0 + $1.tokens.count - $1.subject } }
}
