internal import Floor
internal import LinearAlgebra
internal import ModelFiles
public import Patches
internal import Synchronization
internal import Transformer

/// How a memory's side weights are made.
public struct SideWeightSettings: Sendable, Equatable {
  /// What becomes of the facts' side weights.
  public enum Merging: String, CaseIterable, Sendable {
    /// Each shard keeps its own; a prompt reads the one that it activates most.
    case retrieve
    /// All shards become one, by TIES.
    case ties
  }

  /// What becomes of the shards.
  public var merging: Merging
  /// Shards that the facts are spread over, in their order; where `nil`, one for each fact, or for TIES two, as published.
  public var shardCount: Int?
  /// Where the threshold lies on the way from the most that other prompts activate in training (0) to the least that the facts' own do, bare and in
  /// contexts (1). Published: 1; released settings have 0.88 of the latter.
  public var thresholdShare: Double

  /// The defaults.
  public init(merging: Merging = .retrieve, shardCount: Int? = nil, thresholdShare: Double = 0.5) {
    (self.merging, self.shardCount, self.thresholdShare) = (merging, shardCount, thresholdShare)
  }

  /// Parts that a memory may have; shards share it.
  static let shardLimit = 1 << 9
  static let seed: UInt64 = 1
}

extension MemoryEdit {
  /// Facts in parts of one side weight each.
  func weightParts() throws -> [MemoryDraft.Part] {
    let layer = try layer ?? Self.sideLayer(of: model.network)
    var last: [String: Int] = [:]
    for (index, record) in records.enumerated() {
      last[MemoryText.normalized(record.fact.filledPrompt)] = index
    }
    let facts = records.indices.filter {
      last[MemoryText.normalized(records[$0].fact.filledPrompt)] == $0
    }.map { records[$0].fact }
    guard !facts.isEmpty else { return [] }
    let wanted = side.shardCount ?? (side.merging == .ties ? 2 : facts.count)
    let size =
      (facts.count + min(wanted, SideWeightSettings.shardLimit) - 1)
      / max(1, min(wanted, SideWeightSettings.shardLimit))
    let groups = stride(from: 0, to: facts.count, by: size).map {
      Array(facts[$0..<min($0 + size, facts.count)])
    }
    return try parts(groups, layer: layer, merging: side.merging, among: facts)
  }

  /// A part whose facts have become fewer, with a side weight that is of those that are left.
  func trainedAnew(_ part: MemoryDraft.Part) throws -> MemoryDraft.Part {
    let facts = part.facts.compactMap { Fact(json: $0.json) }
    guard let layer = part.route.layer, facts.count == part.facts.count else { return part }
    var anew = try parts([facts], layer: layer, merging: .retrieve, among: facts)[0]
    anew.method = part.method
    return anew
  }

  /// Trains groups of facts, some side by side.
  private func parts(
    _ groups: [[Fact]], layer: Int, merging: SideWeightSettings.Merging, among facts: [Fact]
  ) throws -> [MemoryDraft.Part] {
    let network = model.network
    guard layer < network.configuration.layerCount else {
      throw EditError.layersOutsideModel(layers: [layer], layerCount: network.configuration.layerCount)
    }
    // Refuses a layer of experts: there is no one weight beside which another could stand.
    _ = try network.downProjection(of: layer)
    let contexts = try ContextTemplate.generate(
      with: network, model.tokenizer, seed: SideWeightSettings.seed
    ).prefix(Self.contextCount)
    let ordinary = try ContextTemplate.generate(
      with: network, model.tokenizer, length: 40, seed: SideWeightSettings.seed + 1
    ).map { try model.encoder.prompt($0.before).tokens }
    return try BLASThreads.with(1) {
      let training = SideWeightTraining(
        network: network.alone, layer: layer, steps: steps,
        ordinary: try .init(ordinary, network: network.alone, layer: layer))
      let scopes = try groups.map { try $0.map { try scope(of: $0, Array(contexts), among: facts) } }
      if merging == .ties {
        let shard = try training.merged(scopes, seed: SideWeightSettings.seed)
        return [part(shard, groups.flatMap { $0 }, layer)]
      }
      let shards = Mutex([SideWeightTraining.Shard?](repeating: nil, count: scopes.count))
      try parallelFor(scopes.count, width: network.threads, state: {}) { index, _ in
        let shard = try training.shard(scopes[index])
        shards.withLock { $0[index] = shard }
      }
      return zip(groups, shards.withLock { $0 }).map { part($1!, $0, layer) }
    }
  }

  private func part(
    _ shard: SideWeightTraining.Shard, _ facts: [Fact], _ layer: Int
  ) -> MemoryDraft.Part {
    let (left, right) = (shard.weight.left, shard.weight.right)
    return MemoryDraft.Part(
      method: method.name,
      route: .activation(layer: layer, threshold: shard.threshold(side.thresholdShare)),
      action: .replaceWeight,
      facts: facts.map { MemoryFact(.object($0.jsonMembers)) },
      shared: [
        "left": .init([left.rows, left.columns], left.elements),
        "right": .init([right.rows, right.columns], right.elements),
      ])
  }

  /// Where editors of weights store facts: later than there, a prompt's tokens say what comes next, and no longer what it is about.
  private static func sideLayer(of network: Network) throws -> Int {
    let configuration = network.configuration
    return EditRecipe(
      for: .memit, family: configuration.family, layerCount: configuration.layerCount,
      width: configuration.width, keyWidth: configuration.feedForwardWidth
    ).layers.last ?? 0
  }

  /// Texts that a prompt is trained behind, beside the bare one: each costs as much again.
  private static let contextCount = 3
  /// Other prompts of a fact at most, of each kind.
  private static let otherCount = 12

  /// A fact in its texts; beside these its prompt about other subjects, and the prompts of other facts about other subjects.
  private func scope(
    of fact: Fact, _ contexts: [ContextTemplate], among facts: [Fact]
  ) throws -> SideWeightTraining.Scope {
    let whole = Fact(
      identifier: fact.identifier, prompt: Fact.placeholder, subject: fact.filledPrompt, target: fact.target,
      join: fact.join)
    let problem = try ValueProblem(
      FactGroup(subject: whole.subject, facts: [whole]), contexts: contexts, encoder: model.encoder)
    let strangers = facts.filter { MemoryText.normalized($0.subject) != MemoryText.normalized(fact.subject) }
    var others = strangers.spread(Self.otherCount).map(\.filledPrompt)
    if fact.hasSubjectPlace {
      let subjects = strangers.filter { !$0.subject.isEmpty }.spread(Self.otherCount).map(\.subject)
      others += (subjects + Self.subjects.filter { $0 != fact.subject }).prefix(Self.otherCount).map {
        fact.prompt(about: $0)
      }
    }
    return .init(
      texts: TargetText.inContexts([problem]), others: try others.map { try model.encoder.prompt($0).tokens })
  }

  /// Subjects of many kinds, where the facts have too few.
  private static let subjects = [
    "Marie Curie", "Lake Victoria", "the Roman Empire", "Toyota", "Brazil", "Python", "the Beatles",
    "Chicago",
    "William Shakespeare", "Mount Everest", "the violin", "Microsoft",
  ]
}

extension [Fact] {
  /// So many of them at most, from all over the list.
  fileprivate func spread(_ limit: Int) -> [Fact] {
    guard count > limit else { return self }
    return (0..<limit).map { self[$0 * count / limit] }
  }
}
