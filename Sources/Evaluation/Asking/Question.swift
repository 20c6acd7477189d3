internal import Editing
internal import ModelFiles
internal import Patches
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
  /// The model that answers in the place of the one that is asked, and what the answer is in that one's tokens.
  private(set) var second: (model: SecondModel, wanted: [Int32])?
  /// Why there is no question, where a text has a token that the network does not have.
  let problem: PromptError?

  /// - Parameter surroundings: what is read before and behind the prompt.
  init(
    _ probe: Probe, _ surroundings: Surroundings = Surroundings(), chat: ChatFrame? = nil,
    encoder: PromptEncoder
  ) {
    self.probe = probe
    var found: (prompt: [Int32], answer: Continuation?, rival: Continuation?) = ([], nil, nil)
    var problem: PromptError?
    do throws(PromptError) {
      let text = try PromptEncoder.question(surroundings.around(probe.prompt), in: chat)
      // Joined as the probe alone is, whatever stands before it; in a chat, as the template begins an answer.
      func continuation(_ following: String) throws(PromptError) -> Continuation? {
        let own =
          surroundings.after.isEmpty
          ? probe.join(before: following)
          : TextJoin(between: surroundings.around(probe.prompt), and: following)
        return try encoder.continuation(text, chat?.join ?? own, following)
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

  /// A question that a second model answers where `surroundings` say so.
  ///
  /// - Parameters:
  ///   - encoder: of the model that is asked, in whose tokens answers are compared.
  init(
    _ probe: Probe, _ surroundings: Surroundings, answeredBy second: SecondModel?, chat: ChatFrame?,
    encoder: PromptEncoder
  ) {
    guard let second else {
      self.init(probe, surroundings, chat: chat, encoder: encoder)
      return
    }
    self.init(probe, surroundings, chat: second.chat, encoder: second.model.encoder)
    let alone = Question(probe, chat: chat, encoder: encoder)
    self.second = (second, alone.answer?.target ?? [])
  }

  /// Tokens of the model that is asked for what another one said: as many as the answer has, −1 where there are none.
  func translated(
    _ said: [Int32], for encoder: PromptEncoder, chat: ChatFrame?
  ) -> (wanted: [Int32], said: [Int32])? {
    guard let second, let answer else { return nil }
    let wanted = second.wanted
    if said == answer.target, probe.answer != nil { return (wanted, wanted) }
    let text = second.model.model.tokenizer.text(of: said, after: answer.prompt)
    let bare = String(text.drop(while: \.isWhitespace))
    let question = Question(
      Probe(probe.kind, prompt: probe.prompt, answer: bare.isEmpty ? nil : bare, rival: nil), chat: chat,
      encoder: encoder)
    let own = bare.isEmpty ? [] : Array((question.answer?.target ?? []).prefix(wanted.count))
    return (wanted, own + [Int32](repeating: -1, count: wanted.count - own.count))
  }

  /// Positions that the longest text takes.
  var positionCount: Int {
    [answer, rival].compactMap { $0.map { $0.prompt.count + $0.target.count } }.max() ?? prompt.count
  }
}

/// What stands around a prompt.
struct Surroundings: Sendable, Equatable {
  var before = ""
  var after = ""

  func around(_ prompt: String) -> String { before + prompt + after }
}

/// A record as tokens.
struct RecordQuestions: Sendable {
  let record: FactRecord
  let probes: [Question]
  let attributes: [Question]
  /// What in-context editing puts before each prompt: the new fact, and what demonstrates it.
  let before: String
  /// What else stands around a prompt, by which it is chosen.
  private let memory: MemoryReading?

  /// - Parameter positionCount: tokens that the network takes; demonstrations are left out until the longest question has room.
  /// - Throws: `PatchError` for a damaged memory.
  init(
    _ record: FactRecord, _ settings: EvaluationSettings, _ encoder: PromptEncoder, positionCount: Int? = nil
  ) throws {
    self.record = record
    let all = [record.efficacyProbe] + record.probes
    before = settings.demonstrates ? Self.before(record, settings, encoder, positionCount) : ""
    memory = MemoryReading(settings, encoder, positionCount)
    let (before, memory) = (before, memory)
    try memory?.prepare(all.map(\.prompt) + (settings.asksAttributes ? record.attributePrompts : []))
    func question(_ probe: Probe) throws -> Question {
      let reading = try reading(of: probe.prompt)
      return Question(
        probe, reading.surroundings, answeredBy: reading.second, chat: settings.chat, encoder: encoder)
    }
    func reading(of prompt: String) throws -> MemoryReading.Prompt {
      try memory?.read(prompt) ?? .init(surroundings: Surroundings(before: before))
    }
    probes = try all.map(question)
    attributes =
      settings.asksAttributes
      ? try record.attributePrompts.map {
        try question(
          Probe(.neighborhood, prompt: $0, answer: record.fact.target, rival: record.fact.formerTarget))
      } : []
  }

  /// A prompt as it is read, and the model that reads it in the place of the one that is asked.
  ///
  /// - Throws: `PatchError` for a damaged memory.
  func read(_ prompt: String) throws -> (text: String, second: SecondModel?) {
    let reading = try memory?.read(prompt) ?? .init(surroundings: Surroundings(before: before))
    return (reading.surroundings.around(prompt), reading.second)
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
        Question($0, chat: settings.chat, encoder: encoder)
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

/// A memory as a network of so many positions reads it.
struct MemoryReading: Sendable {
  private let memory: Memory
  private let encoder: PromptEncoder
  /// Tokens that demonstrations, fact and question may take together.
  private let room: Int
  /// Tokens that an answer may take.
  private let answerRoom: Int

  /// What a memory makes of a prompt.
  struct Prompt {
    var surroundings = Surroundings()
    /// The model that answers in the place of the one that is asked.
    var second: SecondModel?
  }

  /// - Returns: `nil` where there is no memory.
  init?(_ settings: EvaluationSettings, _ encoder: PromptEncoder, _ positionCount: Int?) {
    guard let memory = settings.memory else { return nil }
    self.memory = memory
    self.encoder = encoder
    let answer = max(
      settings.speaks ? settings.spokenTokens : 0, settings.writes ? settings.textTokens : 0, 32)
    answerRoom = answer
    let frame = settings.chat.map { encoder.tokenizer.encodePrompt($0.before + $0.after).tokens.count } ?? 0
    room = (positionCount ?? .max) - answer - frame
  }

  /// Looks at prompts, many at once, where the memory does.
  func prepare(_ prompts: [String]) throws { try memory.prepare(prompts) }

  func read(_ prompt: String) throws -> Prompt {
    let recall = try memory.recall(prompt) { text, second in
      guard let second else { return encoder.tokenizer.encodePrompt(text).tokens.count <= room }
      let tokenizer = second.model.tokenizer
      let frame = second.chat.map { tokenizer.encodePrompt($0.before + $0.after).tokens.count } ?? 0
      return tokenizer.encodePrompt(text).tokens.count
        <= second.model.network.configuration.positionCount - answerRoom - frame
    }
    guard let recall else { return Prompt() }
    return Prompt(
      surroundings: Surroundings(before: recall.before, after: recall.after),
      second: memory.second(for: recall))
  }
}
