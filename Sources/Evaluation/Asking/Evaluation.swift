public import Editing
public import Transformer
internal import Floor
internal import ModelFiles

/// Puts the probes of records to a network.
public struct Evaluation: Sendable {
  /// The network, with or without weights replaced.
  public let network: Network
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// What is asked.
  public let settings: EvaluationSettings
  /// Reference texts, for consistency.
  public let references: ReferenceTexts?
  /// Lets the model ask itself, where a memory has facts that are looked up so.
  let loops: LoopReader?

  /// Gathers what is needed.
  public init(
    network: Network, tokenizer: Tokenizer, settings: EvaluationSettings, references: ReferenceTexts? = nil
  ) {
    self.network = network
    self.tokenizer = tokenizer
    self.settings = settings
    self.references = references
    loops = LoopReader(
      settings.memory, network: network, encoder: PromptEncoder(tokenizer, for: network.configuration))
  }

  /// Prompt tokens asked together. The more there are, the more they share, and the rarer results come: as many as take a core a few
  /// seconds. Neither time nor threads decide, so that answers have the same bits again.
  private var chunk: Int {
    if let given = settings.chunk { return given }
    let c = network.configuration
    let attention = 2 * (c.headCount + c.keyValueHeadCount) * c.headWidth
    let weights = c.layerCount * c.width * (attention + (c.isGated ? 3 : 2) * c.feedForwardWidth)
    // Each text that is written costs as much as several that are read.
    let products = settings.speaks || settings.writes ? 20_000_000_000 : 150_000_000_000
    return min(max(products / max(1, weights), 2048), 131072)
  }

  /// Asks about records, many together.
  ///
  /// The list decides which are asked together, not which of them are wanted: products round by what is in a batch, so a record's answers
  /// have the same bits whatever part of the list is asked, and after a kill.
  ///
  /// - Parameters:
  ///   - isWanted: whether a chunk is to be asked, by its number and its records' indices.
  ///   - found: is told of each chunk as it is done, in order.
  public func ask(
    _ records: [FactRecord], where isWanted: (Int, Range<Int>) -> Bool = { _, _ in true },
    found: (Range<Int>, [RecordAnswers]) throws -> Void
  ) throws {
    var waiting: [RecordQuestions] = []
    var tokens = 0
    var number = 0
    for (index, record) in records.enumerated() {
      let questions = try RecordQuestions(
        record, settings, encoder, positionCount: network.configuration.positionCount)
      waiting.append(questions)
      tokens += questions.tokenCount
      guard tokens >= chunk || index == records.count - 1 else { continue }
      let range = (index + 1 - waiting.count)..<(index + 1)
      if isWanted(number, range) { try found(range, try answers(to: waiting)) }
      waiting = []
      tokens = 0
      number += 1
    }
  }

  /// Prompt tokens of all probes, and answers' tokens whose logits are read. Beginnings that texts share are counted each time.
  public func workload(_ records: [FactRecord]) throws -> (tokens: Int, logits: Int) {
    var (tokens, logits) = (0, 0)
    for record in records {
      let questions = try RecordQuestions(
        record, settings, encoder, positionCount: network.configuration.positionCount)
      for question in questions.probes + questions.attributes {
        tokens += question.prompt.count
        for text in [question.answer, question.rival] {
          logits += text?.target.count ?? 0
          tokens += max(0, (text?.target.count ?? 0) - 1)
        }
      }
    }
    return (tokens, logits)
  }

  /// Makes texts ready for the network.
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  /// Tokens that end what the network says.
  var stops: Set<Int32> { settings.chat.map { encoder.stops(in: $0) } ?? encoder.stops }

  /// What the network says to some records.
  func answers(to records: [RecordQuestions]) throws -> [RecordAnswers] {
    if loops != nil { return try spokenAnswers(to: records) }
    var items: [Continuation] = []
    var targets: [WritableKeyPath<ProbeAnswer, Double?>] = []
    var places: [Place] = []
    func question(_ place: Place) -> Question {
      place.isAttribute
        ? records[place.record].attributes[place.number] : records[place.record].probes[place.number]
    }
    var result = records.map { record in
      RecordAnswers(
        identifier: record.record.fact.identifier, probes: record.probes.map { $0.unanswered(for: encoder) })
    }
    func put(_ continuation: Continuation?, _ place: Place, _ target: WritableKeyPath<ProbeAnswer, Double?>) {
      let reader = question(place).second?.model.model.encoder ?? encoder
      guard let continuation, reader.fits(continuation.prompt.count + continuation.target.count) else {
        return
      }
      items.append(continuation)
      places.append(place)
      targets.append(target)
    }
    for (index, record) in records.enumerated() {
      result[index].attributes = record.attributes.map { $0.unanswered(for: encoder) }
      for (isAttribute, questions) in [(false, record.probes), (true, record.attributes)] {
        for (number, question) in questions.enumerated() {
          let place = Place(record: index, isAttribute: isAttribute, number: number)
          put(question.answer, place, \.logProbability)
          put(question.rival, place, \.rivalLogProbability)
        }
      }
    }
    for group in groups(of: places.indices, { question(places[$0]).second?.model }) {
      let scores =
        if let second = group.second {
          try second.model.network.score(group.indices.map { items[$0] })
        } else {
          try network.score(
            group.indices.map { items[$0] },
            replacing: replacements(of: group.indices.map { question(places[$0]).prompt }))
        }
      for (index, score) in zip(group.indices, scores) {
        result[places[index]].take(score, of: items[index], as: targets[index])
        guard targets[index] == \.logProbability,
          let own = question(places[index]).translated(
            score.mostProbable, for: encoder, chat: settings.chat)
        else { continue }
        result[places[index]].said = own.said
        if question(places[index]).probe.answer != nil { result[places[index]].wanted = own.wanted }
      }
    }
    if settings.speaks { try speak(records, &result) }
    if settings.writes { try write(records, &result) }
    return result
  }

  /// What a model says that asks itself before it answers: there is no place at which an answer could be put in its mouth, so it has no likelihood, and
  /// nothing is written behind a prompt.
  private func spokenAnswers(to records: [RecordQuestions]) throws -> [RecordAnswers] {
    var result = records.map { record in
      RecordAnswers(
        identifier: record.record.fact.identifier, probes: record.probes.map { $0.unanswered(for: encoder) })
    }
    if settings.speaks { try speak(records, &result) }
    return result
  }

  /// What a memory of states puts in the place of outputs, for each prompt; it is decided on the prompt alone.
  func replacements(of prompts: [[Int32]]) throws -> [OutputReplacement?] {
    guard let memory = settings.memory else { return [] }
    var places: [[Int32]: Int] = [:]
    let distinct = prompts.filter { !$0.isEmpty && places.updateValue(places.count, forKey: $0) == nil }
    for (place, prompt) in distinct.enumerated() { places[prompt] = place }
    let states = try memory.states(of: distinct, in: network)
    return prompts.map { prompt in places[prompt].flatMap { states[$0]?.replacement } }
  }

  /// What one model answers.
  struct Group {
    /// The model; `nil` for the one that is asked.
    let second: SecondModel?
    var indices: [Int]
  }

  /// Numbers by the model that answers, the one that is asked first.
  func groups(of indices: Range<Int>, _ second: (Int) -> SecondModel?) -> [Group] {
    var groups = [Group(second: nil, indices: [])]
    for index in indices {
      let model = second(index)
      if let known = groups.firstIndex(where: { $0.second?.digest == model?.digest }) {
        groups[known].indices.append(index)
      } else {
        groups.append(Group(second: model, indices: [index]))
      }
    }
    return groups.filter { !$0.indices.isEmpty }
  }

  /// Tokens that end what a model says.
  func stops(of second: SecondModel?) -> Set<Int32> {
    guard let second else { return stops }
    return second.chat.map { second.model.encoder.stops(in: $0) } ?? second.model.encoder.stops
  }

  /// One probe of one record.
  struct Place {
    let record: Int
    let isAttribute: Bool
    let number: Int
  }

  /// Lets the model go on from every probe that has an answer, or of which what it says is to stay.
  private func speak(_ records: [RecordQuestions], _ result: inout [RecordAnswers]) throws {
    struct Prompt: Hashable {
      let tokens: [Int32]
      let second: Digest?
    }
    var prompts: [(tokens: [Int32], text: String, second: SecondModel?)] = []
    var byPrompt: [Prompt: Int] = [:]
    var places: [(Place, Int)] = []
    for (index, record) in records.enumerated() {
      for (number, question) in record.probes.enumerated()
      where question.probe.answer != nil || Probe.Kind.staying.contains(question.probe.kind) {
        let second = question.second?.model
        guard !question.prompt.isEmpty,
          (second?.model.encoder ?? encoder).fits(question.prompt.count + 1)
        else { continue }
        let prompt = Prompt(tokens: question.prompt, second: second?.digest)
        let known = byPrompt[prompt] ?? prompts.count
        if known == prompts.count {
          byPrompt[prompt] = known
          prompts.append((question.prompt, question.probe.prompt, second))
        }
        places.append((Place(record: index, isAttribute: false, number: number), known))
      }
    }
    guard !prompts.isEmpty else { return }
    let deliberations = try loops?.deliberate(prompts.map(\.text), in: settings.chat)
    var said = prompts.indices.map { index -> String? in
      deliberations.flatMap { $0[index].speaks ? $0[index].answer ?? "" : nil }
    }
    let open = said.indices.filter { said[$0] == nil }
    for group in groups(of: open.indices, { prompts[open[$0]].second }) {
      let indices = group.indices.map { open[$0] }
      let texts = indices.map { prompts[$0].tokens }
      let reader = group.second?.model
      let tokens = try (reader?.network ?? network).generate(
        texts, count: settings.spokenTokens, stops: stops(of: group.second),
        replacing: group.second == nil ? replacements(of: texts) : [])
      for (place, index) in indices.enumerated() {
        said[index] = (reader?.tokenizer ?? tokenizer).text(of: tokens[place], after: texts[place])
      }
    }
    for (place, prompt) in places { result[place].continuation = said[prompt] }
  }
}

extension [RecordAnswers] {
  fileprivate subscript(place: Evaluation.Place) -> ProbeAnswer {
    get {
      place.isAttribute
        ? self[place.record].attributes[place.number] : self[place.record].probes[place.number]
    }
    set {
      if place.isAttribute {
        self[place.record].attributes[place.number] = newValue
      } else {
        self[place.record].probes[place.number] = newValue
      }
    }
  }
}

extension ProbeAnswer {
  /// Takes over the score of the answer or the rival.
  fileprivate mutating func take(
    _ score: ContinuationScore, of item: Continuation, as target: WritableKeyPath<ProbeAnswer, Double?>
  ) {
    let isRival = target == \.rivalLogProbability
    if !isRival { said = score.mostProbable }
    if !score.isNumber { isNumber = false }
    guard isRival || probe.answer != nil else { return }
    self[keyPath: target] = score.isNumber ? score.meanLogProbability : .nan
    if !isRival { wanted = item.target }
  }
}

extension Question {
  /// An answer that says nothing yet but why there will be none, and whether the text is longer than what the network was trained on.
  fileprivate func unanswered(for encoder: PromptEncoder) -> ProbeAnswer {
    var answer = ProbeAnswer(probe)
    answer.isBeyondTraining = encoder.positionLimit == nil && positionCount > encoder.trainedPositionCount
    answer.problem = problem
    return answer
  }
}
