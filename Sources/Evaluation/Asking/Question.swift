internal import Editing
internal import Transformer

/// A probe as tokens.
struct Question: Sendable {
  let probe: Probe
  /// The prompt alone.
  let prompt: [Int32]
  /// Prompt and answer; without an answer, a place to read the next token at.
  let answer: Continuation?
  /// Prompt and rival.
  let rival: Continuation?
  /// Why there is no question, where a text has a token that the network does not have.
  let problem: PromptError?

  init(_ probe: Probe, before: String, chat: ChatFrame? = nil, encoder: PromptEncoder) {
    self.probe = probe
    var found: (prompt: [Int32], answer: Continuation?, rival: Continuation?) = ([], nil, nil)
    var problem: PromptError?
    do throws(PromptError) {
      let text = try PromptEncoder.question(before + probe.prompt, in: chat)
      // Joined as the probe alone is, whatever stands before it; in a chat, as the template begins an answer.
      func continuation(_ following: String) throws(PromptError) -> Continuation? {
        try encoder.continuation(text, chat?.join ?? probe.join(before: following), following)
      }
      let tokens = try encoder.prompt(text).tokens
      if let wanted = probe.answer {
        found.answer = try continuation(wanted)
      } else {
        // The token is there only to be scored; what counts is the most probable one.
        found.answer = tokens.isEmpty ? nil : Continuation(prompt: tokens, target: [0])
      }
      if let other = probe.rival { found.rival = try continuation(other) }
      found.prompt = tokens
    } catch {
      found = ([], nil, nil)
      problem = error
    }
    (prompt, answer, rival) = found
    self.problem = problem
  }

  /// Positions that the longest text takes.
  var positionCount: Int {
    [answer, rival].compactMap { $0.map { $0.prompt.count + $0.target.count } }.max() ?? prompt.count
  }
}

/// A record as tokens.
struct RecordQuestions: Sendable {
  let record: FactRecord
  let probes: [Question]
  let attributes: [Question]
  /// What stands before each prompt: in-context editing's new fact, and what demonstrates it.
  let before: String

  /// - Parameter positionCount: tokens that the network takes; demonstrations are left out until the longest question has room.
  init(
    _ record: FactRecord, _ settings: EvaluationSettings, _ encoder: PromptEncoder, positionCount: Int? = nil
  ) {
    self.record = record
    let all = [record.efficacyProbe] + record.probes
    let before = settings.demonstrates ? Self.before(record, settings, encoder, positionCount) : ""
    self.before = before
    probes = all.map { Question($0, before: before, chat: settings.chat, encoder: encoder) }
    attributes =
      settings.asksAttributes
      ? record.attributePrompts.map {
        Question(
          Probe(.neighborhood, prompt: $0, answer: record.fact.target, rival: record.fact.formerTarget),
          before: before, chat: settings.chat, encoder: encoder)
      } : []
  }

  /// The new fact in words, to be read before each prompt: editing without any change of weights.
  ///
  /// - Source: IKE (arXiv:2305.12740), where no further facts are shown; zjunlp/EasyEdit `easyeditor/models/ike`.
  static func demonstration(_ fact: Fact) -> String { "New fact: \(fact.statement)\n" }

  private static func before(
    _ record: FactRecord, _ settings: EvaluationSettings, _ encoder: PromptEncoder, _ positionCount: Int?
  ) -> String {
    guard let demonstrations = settings.demonstrations else { return demonstration(record.fact) }
    let room = positionCount.map { positions in
      let questions = ([record.efficacyProbe] + record.probes).map {
        Question($0, before: "", chat: settings.chat, encoder: encoder)
      }
      let longest = questions.map(\.positionCount).max() ?? 0
      // A token more where two texts meet.
      return positions - 1
        - max(
          longest, settings.speaks ? longest + settings.spokenTokens : 0,
          settings.writes ? settings.textTokens : 0)
    }
    return demonstrations.text(for: record.fact, room: room) {
      encoder.tokenizer.encodePrompt($0).tokens.count
    }
  }

  var tokenCount: Int { (probes + attributes).reduce(0) { $0 + $1.prompt.count } }
}
