internal import Transformer

/// A fact with the probes that a dataset has for it.
public struct FactRecord: Equatable, Sendable {
  /// The fact.
  public let fact: Fact
  /// What the file calls the record, which several facts may share.
  public internal(set) var recordIdentifier: String
  /// The dataset's probes, in the order of the file; the edited prompt itself is `efficacyProbe`.
  public internal(set) var probes: [Probe] = []
  /// Prompts about other subjects for which the new target is right already: CounterFact's negative controls.
  public internal(set) var attributePrompts: [String] = []
  /// Beginnings about the subject for free generation.
  public internal(set) var generationPrompts: [String] = []
  /// CounterFact's identifier of the relation, such as P19; with `targetID` it names the reference texts for consistency.
  public internal(set) var relationID: String?
  /// Wikidata's identifier of the target.
  public internal(set) var targetID: String?
  /// Wikidata's identifier of the former target.
  public internal(set) var formerTargetID: String?

  /// A fact without probes.
  public init(_ fact: Fact) {
    self.fact = fact
    recordIdentifier = fact.identifier
  }

  /// The probes of one kind; one of efficacy is always there.
  public func probes(_ kind: Probe.Kind) -> [Probe] {
    kind == .efficacy ? [efficacyProbe] : probes.filter { $0.kind == kind }
  }

  /// The edited prompt: the target against the former one.
  public var efficacyProbe: Probe {
    let prompt = fact.filledPrompt
    return Probe(
      .efficacy, prompt: prompt, answer: fact.target, rival: fact.formerTarget,
      join: fact.join == TextJoin(between: prompt, and: fact.target) ? nil : fact.join)
  }

  /// The edited statement in other words: the target against the former one.
  public var paraphrases: [Probe] { probes(.paraphrase) }
  /// The edited prompt about other subjects: the former target against the new one.
  public var neighbors: [Probe] { probes(.neighborhood) }

  /// Takes over what another file has for the same fact.
  mutating func merge(_ other: FactRecord) {
    probes += other.probes.filter { !probes.contains($0) }
    attributePrompts += other.attributePrompts.filter { !attributePrompts.contains($0) }
    generationPrompts += other.generationPrompts.filter { !generationPrompts.contains($0) }
    relationID = relationID ?? other.relationID
    targetID = targetID ?? other.targetID
    formerTargetID = formerTargetID ?? other.formerTargetID
  }
}
