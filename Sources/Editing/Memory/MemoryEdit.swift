internal import Floor
internal import LinearAlgebra
internal import Synchronization
public import ModelFiles
public import Patches
public import Transformer

/// From a list of facts to a patch that leaves the weights alone.
public struct MemoryEdit {
  /// The model that it is for.
  public let model: LanguageModel
  /// How.
  public let method: MemoryMethod
  /// What is to be kept.
  public let records: [FactRecord]
  /// When a fact speaks.
  public var route: MemoryRoute
  /// What a fact does then.
  public var action: MemoryAction
  /// What stands before a fact; nothing where `nil`.
  public var demonstrations: Demonstrations?
  /// A memory that these facts join; a fact of it with the same prompt is replaced.
  public var earlier: PatchFile?
  /// Identifiers of facts of it that are left out.
  public var dropped: [String] = []

  /// In place of `route`: facts are found by what the model makes of prompts.
  public var embedding: EmbeddingRoute?
  /// In place of `route`: facts are found by a trained classifier.
  public var scopes: ScopeRoute?
  /// Of methods that work on states: the layer; the method's where `nil`.
  public var layer: Int?
  /// Of the same: ε₀, within which a state is a fact's; where `nil`, a fiftieth of the keys' mean length, at most 1.
  public var radius: Double?
  /// Of the same: steps of the search for a value, or of the training of a side weight, at most.
  public var steps: Int
  /// Whether edits meet as the released code has it.
  public var isReleased = false
  /// Of methods with side weights: how these are made.
  public var side = SideWeightSettings()

  /// As published.
  public init(_ method: MemoryMethod, of records: [FactRecord], for model: LanguageModel) {
    (self.method, self.records, self.model) = (method, records, model)
    (route, action, steps) = (method.route, method.action, method.steps)
  }

  /// What became of it.
  public struct Report: Sendable {
    /// The patch.
    public let patch: PatchFile
    /// Facts that it has.
    public let factCount: Int
    /// Facts of the list, or of the earlier memory, that a later one with the same prompt replaced.
    public let replaced: Int
    /// Facts that their own prompt does not lead to, with the one that it leads to, if any.
    public let unreached: [(fact: Fact, instead: Fact?)]
    /// Demonstrations that a fact has, at least and at most.
    public let demonstrations: ClosedRange<Int>
    /// How well a route by embeddings keeps the facts' own probes apart; `nil` for others, and where there are none.
    public var separation: RouteSeparation?
    /// Side weights that were trained anew, since facts have left them.
    public var trainedAnew = 0
  }

  /// Writes the patch, and asks it for each of its facts.
  ///
  /// - Throws: `EditError.noSuchFact` for one to drop that is not there, `noEdits` where none is left.
  public func write(to path: String, tool: String) throws -> Report {
    if method.asksSecondModel, action.secondModel == nil {
      throw EditError.optionNeeds(
        "--method \(method.name)",
        other: "--counterfactual MODEL, which answers in its facts' scope (serac-self needs none)")
    }
    let old = try earlier.map { earlier in
      guard let arrays = try MemoryArrays(earlier, threads: model.network.threads) else {
        throw EditError.noStoredEdits(file: earlier.path, missing: "memory")
      }
      return try MemoryDraft(arrays)
    }
    var (draft, replaced, separation) = try self.draft(beside: old)
    if let earlier, var old {
      try drop(from: &old, of: earlier)
      if records.isEmpty {
        draft = old
      } else {
        try requireSameBase(old.base, draft.base, of: earlier)
        replaced += old.append(draft)
        draft = old
      }
    }
    draft.parts.removeAll(where: \.facts.isEmpty)
    let torn = draft.parts.indices.filter { draft.parts[$0].isTorn }
    if !torn.isEmpty { try requireSameBase(draft.base, try base(isBound: true), of: earlier!) }
    for index in torn { draft.parts[index] = try trainedAnew(draft.parts[index]) }
    guard !draft.parts.isEmpty else { throw EditError.noEdits }
    let writer = try PatchWriter(path)
    try writer.append(draft)
    let patch = try writer.finish(
      tool: tool, family: model.network.configuration.family.name,
      edit: .object([.init("method", .string(method.name))]))
    var report = try report(patch, replaced: replaced)
    report.separation = separation
    report.trainedAnew = torn.count
    return report
  }

  /// What the facts come to, how many gave way to later ones, and how well they are kept apart.
  private typealias Drafted = (draft: MemoryDraft, replaced: Int, separation: RouteSeparation?)

  private func draft(beside old: MemoryDraft?) throws -> Drafted {
    if action == .replaceOutput { return try stateDraft() }
    if action == .replaceWeight {
      let parts = try weightParts()
      return (
        MemoryDraft(base: try base(isBound: true), parts: parts),
        records.count - parts.reduce(0) { $0 + $1.facts.count }, nil
      )
    }
    var (facts, texts) = try facts()
    var last: [String: Int] = [:]
    let keys = facts.map { MemoryText.key($0.prompt, for: route) }
    for (index, key) in keys.enumerated() { last[key] = index }
    let kept = facts.indices.filter { last[keys[$0]] == $0 }
    let replaced = facts.count - kept.count
    facts = kept.map { facts[$0] }
    var part = MemoryDraft.Part(
      method: method.name, route: route, action: action, facts: facts.map(\.stored))
    let separation = try embed(&part, kept.map { records[$0] }, beside: old)
    return (
      MemoryDraft(
        base: try base(isBound: part.route.readsStates), parts: facts.isEmpty ? [] : [part],
        demonstrations: texts),
      replaced, separation
    )
  }

  private func base(isBound: Bool) throws -> MemorySection.Base {
    MemorySection.Base(
      fingerprint: try model.network.model.fingerprint(),
      model: isBound ? try model.network.model.digest(threads: model.network.threads) : nil)
  }

  /// Facts with keys and values.
  private func stateDraft() throws -> Drafted {
    let layer = layer ?? StateValues.layer(of: model.network)
    guard layer < model.network.configuration.layerCount else {
      throw EditError.layersOutsideModel(layers: [layer], layerCount: model.network.configuration.layerCount)
    }
    guard model.network.addsPlainly(.feedForward, layer: layer) else {
      throw EditError.optionNeeds(
        "--method \(method.name)", other: "networks that add a layer's output as it is")
    }
    let values = StateValues(
      model: model, layer: layer, radius: radius.map { Float($0) }, isReleased: isReleased, steps: steps)
    let (facts, replaced) = try values.facts(records)
    let part = MemoryDraft.Part(
      method: method.name, route: .hidden(layer: layer), action: action, facts: facts)
    return (MemoryDraft(base: try base(isBound: true), parts: facts.isEmpty ? [] : [part]), replaced, nil)
  }

  /// A fact that is not yet known to stay.
  private struct Candidate {
    let prompt: String
    let stored: MemoryFact
  }

  /// Facts with their demonstrations, of which each text is kept once.
  private func facts() throws -> ([Candidate], demonstrations: [String]) {
    var texts: [String] = []
    var places: [String: Int] = [:]
    let facts = records.map { record in
      let shown = (demonstrations?.chosen(for: record.fact) ?? []).map { demonstration in
        let place = places[demonstration.text] ?? texts.count
        if place == texts.count {
          places[demonstration.text] = place
          texts.append(demonstration.text)
        }
        return place
      }
      return Candidate(
        prompt: record.fact.filledPrompt,
        stored: MemoryFact(.object(record.fact.jsonMembers), shown: shown))
    }
    return (facts, texts)
  }

  private func drop(from draft: inout MemoryDraft, of patch: PatchFile) throws {
    let known = Set(draft.parts.flatMap { $0.facts.compactMap { $0.json["id"]?.text } })
    for identifier in dropped where !known.contains(identifier) {
      throw EditError.noSuchFact(identifier, file: patch.path)
    }
    let gone = Set(dropped)
    for index in draft.parts.indices {
      draft.parts[index].removeFacts { gone.contains($0.json["id"]?.text ?? "") }
    }
  }

  /// States of one model mean nothing beside those of another.
  private func requireSameBase(
    _ old: MemorySection.Base, _ new: MemorySection.Base, of patch: PatchFile
  ) throws {
    guard let one = old.model, let other = new.model, one != other else { return }
    throw EditError.memoryOfOtherModel(file: patch.path, expected: one, found: other)
  }

  /// Facts of states that their own prompt does not lead to, or after which the model does not say them.
  private func unreached(
    _ part: MemorySection.Part, _ source: Memory.Source, _ memory: Memory
  ) throws -> [(Fact, Fact?)] {
    let facts = try source.arrays.facts()[part.facts].compactMap { Fact(json: $0) }
    let items = try facts.map { try model.encoder.continuation($0.filledPrompt, $0.join, $0.target) }
    let prompts = try facts.map { try model.encoder.prompt($0.filledPrompt).tokens }
    let recalls = try memory.states(of: prompts, in: model.network)
    let asked = items.indices.filter { items[$0] != nil }
    let scores = try model.network.score(
      asked.map { items[$0]! }, replacing: asked.map { recalls[$0]?.replacement })
    let said = Set(zip(asked, scores).filter { items[$0]!.target == $1.mostProbable }.map(\.0))
    return facts.indices.compactMap { index in
      let recall = recalls[index]
      let isOwn = recall?.facts.contains(part.facts.lowerBound + index) ?? false
      guard !isOwn || !said.contains(index) else { return nil }
      return (facts[index], isOwn ? nil : recall?.fact)
    }
  }

  /// The fact that each one's own prompt leads to.
  private func matches(
    of facts: [Fact?], part number: Int, _ memory: Memory
  ) throws -> [MemoryRouter.Match?] {
    let found = Mutex([MemoryRouter.Match?](repeating: nil, count: facts.count))
    try parallelFor(facts.count, width: model.network.threads, state: {}) { place, _ in
      guard let fact = facts[place] else { return }
      let match = try memory.sources[0].router.match(
        fact.filledPrompt, part: number, states: memory.states)
      found.withLock { $0[place] = match }
    }
    return found.withLock { $0 }
  }

  private func report(_ patch: PatchFile, replaced: Int) throws -> Report {
    var memory = try Memory([patch], threads: model.network.threads)!
    try memory.read(with: model.network, model.encoder)
    let source = memory.sources[0]
    var unreached: [(Fact, Fact?)] = []
    var least = Int.max
    var most = 0
    for (number, part) in source.arrays.section.parts.enumerated() {
      for index in part.facts {
        let shown = source.arrays.demonstrations(of: index).count
        (least, most) = (min(least, shown), max(most, shown))
      }
      if part.action.routeKind != nil {
        unreached += try self.unreached(part, source, memory)
        continue
      }
      guard part.route != .always else { continue }
      let facts = try source.arrays.facts()[part.facts].map { Fact(json: $0) }
      try memory.prepare(facts.compactMap { $0?.filledPrompt })
      let matches = try matches(of: facts, part: number, memory)
      for (place, fact) in facts.enumerated() {
        guard let fact, matches[place]?.fact != part.facts.lowerBound + place else { continue }
        unreached.append(
          (fact, try matches[place].flatMap { Fact(json: try source.arrays.fact($0.fact)) }))
      }
    }
    return Report(
      patch: patch, factCount: source.arrays.section.factCount, replaced: replaced, unreached: unreached,
      demonstrations: min(least, most)...most)
  }
}
