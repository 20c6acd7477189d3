internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// What of a record a scope classifier is trained and tested with, as states.
struct ScopeTexts: Sendable {
  let subject: String
  /// The fact's own prompt.
  let own: [Float]
  /// Paraphrases.
  let within: [[Float]]
  /// Prompts with the subject that ask for something else.
  let outside: [[Float]]

  /// Texts of one kind that are kept of a record.
  private static let limit = 4
  /// Prompts of other relations about the subject that are made of other records.
  private static let madeCount = 3

  /// Prepares records; those without a subject, a paraphrase or a prompt outside are left out.
  static func prepare(
    _ records: [FactRecord], _ states: PromptStates, _ settings: EditorSettings,
    progress: () throws -> Void
  ) throws -> (texts: [ScopeTexts], leftOut: Int) {
    let choice = StateChoice(layers: settings.layers, ends: settings.ends)
    var found: [ScopeTexts] = []
    for (index, record) in records.enumerated() {
      try progress()
      let subject = MemoryText.words(record.fact.subject)
      func questions(_ prompts: [String]) -> [String] {
        prompts.map { MemoryText.bareQuestion(of: $0) }.filter { MemoryText.words($0).has(subject) }
      }
      let within = questions(record.paraphrases.map(\.prompt)).prefix(limit)
      let told = questions(record.probes.filter(\.kind.isToStay).map(\.prompt)).prefix(limit)
      let outside = told + made(for: index, records, seed: settings.seed)
      guard !subject.isEmpty, !within.isEmpty, !outside.isEmpty else { continue }
      let all = try states.states(
        of: [MemoryText.bareQuestion(of: record.fact.filledPrompt)] + within + outside, choice)
      found.append(
        ScopeTexts(
          subject: record.fact.subject, own: all[0], within: Array(all[1...within.count]),
          outside: Array(all[(1 + within.count)...])))
    }
    return (found, records.count - found.count)
  }

  /// The subject in other records' prompts, where these are of another relation.
  private static func made(for index: Int, _ records: [FactRecord], seed: UInt64) -> [String] {
    let own = records[index]
    var draw = SplitMix64(seed: SplitMix64.draw(index, seed: seed))
    var prompts: [String] = []
    for _ in 0..<8 * madeCount where prompts.count < madeCount {
      let other = records[draw.below(records.count)]
      let isOther =
        own.relationID.map { id in other.relationID.map { $0 != id } ?? false }
        ?? (other.relationID == nil && other.fact.prompt != own.fact.prompt)
      let parts = other.fact.prompt.split(
        separator: Fact.placeholder, maxSplits: 1, omittingEmptySubsequences: false)
      guard isOther, parts.count == 2 else { continue }
      let prompt = parts.joined(separator: own.fact.subject)
      if !prompts.contains(prompt) { prompts.append(prompt) }
    }
    return prompts
  }
}

/// Facts with prompts in their scope and prompts about the same subject outside it.
struct ScopeLessons: EditorLessons {
  let settings: EditorSettings
  let shape: EditorShape
  let seen: [ScopeTexts]
  let held: [ScopeTexts]

  /// Those of a training's records.
  @Sendable static func prepare(_ training: EditorTraining, _ prepared: () throws -> Void) throws
    -> PreparedLessons
  {
    let settings = training.settings
    let found = try ScopeTexts.prepare(
      training.records, PromptStates(network: training.network, encoder: training.encoder), settings,
      progress: prepared)
    let (seen, held) = try settings.split(found.texts, by: \.subject)
    return PreparedLessons(
      lessons: ScopeLessons(settings, seen: seen, held: held, width: training.network.configuration.width),
      seen: seen.count, held: held.count, leftOut: found.leftOut)
  }

  /// - Parameter width: the model's.
  private init(_ settings: EditorSettings, seen: [ScopeTexts], held: [ScopeTexts], width: Int) {
    (self.settings, self.seen, self.held) = (settings, seen, held)
    shape = EditorShape(
      keyWidth: (settings.layers.count + settings.ends.count) * width, outputWidth: width,
      layerCount: settings.layers.count, rank: settings.rank)
  }

  func untrained() -> any TrainedNetwork {
    ScopeClassifier(shape, states: seen.map(\.own), seed: settings.seed)
  }

  func rateFactor(ofParameter index: Int) -> Float { 1 }

  func gradient(
    step: Int, _ network: any TrainedNetwork
  ) throws -> (loss: Double, gradient: [Matrix<Float>]) {
    var draw = settings.draw(step: step)
    var (within, outside): ([ScopeClassifier.Pair], [ScopeClassifier.Pair]) = ([], [])
    for _ in 0..<settings.batch {
      let texts = seen[draw.below(seen.count)]
      within.append((texts.own, texts.within[draw.below(texts.within.count)]))
      outside.append((texts.own, texts.outside[draw.below(texts.outside.count)]))
    }
    let (loss, gradient) = BLASThreads.with(1) {
      Self.classifier(network).gradient(within: within, outside: outside)
    }
    return (loss, [gradient])
  }

  /// Each half of the facts held out is judged with scopes that end where the other half says, so that none has a part in its own figures.
  func measures(_ network: any TrainedNetwork) throws -> EditorMeasures {
    let distances = distances(Self.classifier(network))
    let halves = [0, 1].map { half in distances.indices.filter { $0 % 2 == half }.map { distances[$0] } }
    var (within, outside) = (0.0, 0.0)
    for (half, other) in [(halves[0], halves[1]), (halves[1], halves[0])] {
      let end = HeldDistances.end(of: other.isEmpty ? half : other)
      for fact in half {
        within += fact.shareWithin(end) / Double(distances.count)
        outside += fact.shareOutside(end) / Double(distances.count)
      }
    }
    var measures = EditorMeasures()
    (measures.efficacy, measures.count) = (1, held.count)
    (measures.paraphrase, measures.locality) = (within, outside)
    return measures
  }

  /// Scopes end where they keep most of all that is held out on its side: what was trained on lies nearer to its fact than what was not.
  func settled(_ network: any TrainedNetwork) -> any TrainedNetwork {
    let classifier = Self.classifier(network)
    return classifier.endingScopes(at: HeldDistances.end(of: distances(classifier)))
  }

  private func distances(_ classifier: ScopeClassifier) -> [HeldDistances] {
    BLASThreads.with(1) {
      held.map { fact in
        HeldDistances(
          within: classifier.distances(fact.within.map { (fact.own, $0) }),
          outside: classifier.distances(fact.outside.map { (fact.own, $0) }))
      }
    }
  }

  private static func classifier(_ network: any TrainedNetwork) -> ScopeClassifier {
    guard let classifier = network as? ScopeClassifier else { preconditionFailure("a scope classifier") }
    return classifier
  }
}
