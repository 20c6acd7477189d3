internal import LinearAlgebra
internal import ModelFiles
public import Patches
internal import Transformer

/// How a memory finds its facts by what the model makes of prompts, as far as it is told; the rest comes from the facts.
public struct EmbeddingRoute: Sendable, Equatable {
  /// What of the model's states is looked at; `defaultStates` where `nil`.
  public var states: StateChoice?
  /// Cosine from which on a fact speaks; where `nil`, the one that best tells the facts' paraphrases from their neighbors and other relations.
  public var similarity: Double?
  /// Whether the subject must stand in the question too.
  public var bySubject: Bool

  /// Joins the three.
  public init(states: StateChoice? = nil, similarity: Double? = nil, bySubject: Bool) {
    (self.states, self.similarity, self.bySubject) = (states, similarity, bySubject)
  }

  /// The cosine of facts that have no probes to find one by.
  static func fallback(bySubject: Bool) -> Double { bySubject ? 0.2 : 0.6 }

  /// Beside the subject the last token at two thirds of the depth, which is about to say what is asked for; without, the tokens as they come in
  /// and a little later. Measured on Qwen2.5-Coder (`Docs/explanation/which-method.md`).
  static func defaultStates(bySubject: Bool, layerCount: Int) -> StateChoice {
    bySubject
      ? StateChoice(layers: [], ends: [layerCount * 2 / 3])
      : StateChoice(layers: Array(Set([0, layerCount / 12])).sorted())
  }

  /// Records whose probes the cosine is found by at most.
  static let probedLimit = 256
}

/// How well a route keeps what its facts are asked in other words from what is to stay.
public struct RouteSeparation: Sendable, Equatable {
  /// Paraphrases that find their fact, of so many.
  public var (found, paraphrases) = (0, 0)
  /// Prompts about something else that find none, of so many.
  public var (passed, others) = (0, 0)
}

/// Facts with embeddings.
struct EmbeddedFacts {
  let choice: StateChoice
  let similarity: Double
  /// Mean state of the facts.
  let center: [Float]
  /// Of each fact.
  let embeddings: [[Float]]
  /// By the facts' own probes; `nil` where they have none.
  let separation: RouteSeparation?

  /// - Parameters:
  ///   - center: of the facts that these join; their own where `nil`.
  init(
    _ records: [FactRecord], _ asked: EmbeddingRoute, center known: [Float]?, states: PromptStates,
    layerCount: Int
  ) throws {
    let choice =
      asked.states ?? EmbeddingRoute.defaultStates(bySubject: asked.bySubject, layerCount: layerCount)
    self.choice = choice
    func all(_ prompts: [String]) throws -> [[Float]] {
      try states.states(of: prompts.map { MemoryText.bareQuestion(of: $0) }, choice)
    }
    let own = try all(records.map(\.fact.filledPrompt))
    let center = known ?? Self.mean(own)
    let embed = PromptEmbedding(center: center)
    let embeddings = own.map { embed($0) }
    (self.center, self.embeddings) = (center, embeddings)
    let scores = try Self.scores(records, embeddings, bySubject: asked.bySubject) {
      try all($0).map { embed($0) }
    }
    similarity =
      asked.similarity ?? Self.threshold(scores.own, scores.others)
      ?? EmbeddingRoute.fallback(bySubject: asked.bySubject)
    var separation = RouteSeparation()
    for score in scores.own { separation.found += score >= similarity ? 1 : 0 }
    for score in scores.others { separation.passed += score < similarity ? 1 : 0 }
    (separation.paraphrases, separation.others) = (scores.own.count, scores.others.count)
    self.separation = scores.own.isEmpty && scores.others.isEmpty ? nil : separation
  }

  private static func mean(_ states: [[Float]]) -> [Float] {
    var mean = [Float](repeating: 0, count: states.first?.count ?? 0)
    for state in states {
      for column in mean.indices { mean[column] += state[column] / Float(states.count) }
    }
    return mean
  }

  /// Cosines that the facts' probes reach: of paraphrases with their own fact, below all where another is nearer; of other prompts with the
  /// nearest.
  private static func scores(
    _ records: [FactRecord], _ embeddings: [[Float]], bySubject: Bool,
    embed: ([String]) throws -> [[Float]]
  ) throws -> (own: [Double], others: [Double]) {
    let subjects = records.map { MemoryText.words($0.fact.subject) }
    let every = max(1, records.count / EmbeddingRoute.probedLimit)
    var (own, others): ([Double], [Double]) = ([], [])
    for index in stride(from: 0, to: records.count, by: every) {
      let probes = records[index].probes.filter { $0.kind == .paraphrase || $0.kind.isToStay }
      for (probe, embedding) in zip(probes, try embed(probes.map(\.prompt))) {
        let words = MemoryText.words(MemoryText.question(of: probe.prompt))
        var best: (fact: Int, score: Double) = (-1, -2)
        for fact in records.indices where !bySubject || words.has(subjects[fact]) {
          let score = zip(embedding, embeddings[fact]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
          if Double(score) >= best.score { best = (fact, Double(score)) }
        }
        if probe.kind == .paraphrase {
          own.append(best.fact == index ? best.score : -2)
        } else {
          others.append(best.score)
        }
      }
    }
    return (own, others)
  }

  /// The middle between two scores that puts the greatest shares on their sides; of equals where the two are farthest apart.
  static func threshold(_ own: [Double], _ others: [Double]) -> Double? {
    guard !own.isEmpty, !others.isEmpty else { return nil }
    let all = Set(own + others + [-1, 1]).filter { (-1...1).contains($0) }.sorted()
    var best: (share: Double, gap: Double, middle: Double) = (-1, 0, 0)
    for (low, high) in zip(all, all.dropFirst()) {
      let middle = (low + high) / 2
      let share =
        Double(own.count { $0 >= middle }) / Double(own.count)
        + Double(others.count { $0 < middle }) / Double(others.count)
      if (share, high - low) > (best.share, best.gap) { best = (share, high - low, middle) }
    }
    return best.middle
  }
}

extension Probe.Kind {
  /// Whether what the model says is to stay as it is.
  var isToStay: Bool {
    switch self {
    case .neighborhood, .otherRelation, .distractingNeighbor, .forgetfulness, .locality: true
    case .efficacy, .paraphrase, .subjectReplace, .reversedRelation, .oneHop, .logicalGeneralization: false
    }
  }
}

extension [String] {
  /// Whether other words stand in these, one behind the other.
  func has(_ phrase: [String]) -> Bool {
    guard !phrase.isEmpty, phrase.count <= count else { return false }
    return (0...count - phrase.count).contains { self[$0..<$0 + phrase.count].elementsEqual(phrase) }
  }
}
