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

  init(_ probe: Probe, before: String, tokenizer: Tokenizer) {
    self.probe = probe
    let text = before + probe.prompt
    prompt = tokenizer.promptTokens(text)
    if let wanted = probe.answer {
      answer = tokenizer.continuation(of: text, with: wanted)
    } else {
      // The token is there only to be scored; what counts is the most probable one.
      answer = prompt.isEmpty ? nil : Continuation(prompt: prompt, target: [0])
    }
    rival = probe.rival.flatMap { tokenizer.continuation(of: text, with: $0) }
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
    _ record: FactRecord, _ settings: EvaluationSettings, _ tokenizer: Tokenizer, positionCount: Int? = nil
  ) {
    self.record = record
    let all = [record.efficacyProbe] + record.probes
    let before = settings.demonstrates ? Self.before(record, settings, tokenizer, positionCount) : ""
    self.before = before
    probes = all.map { Question($0, before: before, tokenizer: tokenizer) }
    attributes =
      settings.asksAttributes
      ? record.attributePrompts.map {
        Question(
          Probe(.neighborhood, prompt: $0, answer: record.fact.target, rival: record.fact.formerTarget),
          before: before, tokenizer: tokenizer)
      } : []
  }

  /// The new fact in words, to be read before each prompt: editing without any change of weights.
  ///
  /// - Source: IKE (arXiv:2305.12740), where no further facts are shown; zjunlp/EasyEdit `easyeditor/models/ike`.
  static func demonstration(_ fact: Fact) -> String { "New fact: \(fact.filledPrompt) \(fact.target)\n" }

  private static func before(
    _ record: FactRecord, _ settings: EvaluationSettings, _ tokenizer: Tokenizer, _ positionCount: Int?
  ) -> String {
    guard let demonstrations = settings.demonstrations else { return demonstration(record.fact) }
    let room = positionCount.map { positions in
      let questions = ([record.efficacyProbe] + record.probes).map {
        Question($0, before: "", tokenizer: tokenizer)
      }
      let longest = questions.map(\.positionCount).max() ?? 0
      // A token more where two texts meet.
      return positions - 1
        - max(
          longest, settings.speaks ? longest + settings.spokenTokens : 0,
          settings.writes ? settings.textTokens : 0)
    }
    return demonstrations.text(for: record.fact, room: room) { tokenizer.promptTokens($0).count }
  }

  var tokenCount: Int { (probes + attributes).reduce(0) { $0 + $1.prompt.count } }
}

extension Tokenizer {
  /// The tokens of a text that is to be gone on from: nothing that ends a text behind it.
  func promptTokens(_ text: String) -> [Int32] {
    let encoded = encode(text)
    var tokens = encoded.tokens
    while tokens.count > 1, let last = tokens.last, encoded.byteRanges[tokens.count - 1].isEmpty,
      isSpecial(Int(last))
    {
      tokens.removeLast()
    }
    return tokens
  }
}
