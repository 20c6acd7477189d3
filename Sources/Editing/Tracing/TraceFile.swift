public import ModelFiles

/// Traced facts in a file: `Formats/trace.md`.
public struct TraceFile: Sendable {
  /// What the traces depend on: model, tokenizer and settings.
  public let identity: PlanIdentity
  /// Blocks of the model.
  public let layerCount: Int
  /// Traced facts, in the order in which they came.
  public private(set) var facts: [TracedFact] = []
  /// Facts that the model does not know.
  public private(set) var unknown: [UnknownFact] = []
  /// The part that it has; `nil` for a whole.
  let part: TracePart?
  /// Of a part: where each of its facts stands among all.
  private(set) var places: (facts: [Int], unknown: [Int]) = ([], [])

  static let format = "errata-trace"

  init(
    identity: PlanIdentity, layerCount: Int, facts: [TracedFact] = [], unknown: [UnknownFact] = []
  ) {
    (self.identity, self.layerCount) = (identity, layerCount)
    (self.facts, self.unknown) = (facts, unknown)
    part = identity.members.first { $0.key == TracePart.key }.flatMap { TracePart($0.value) }
  }

  /// Reads a file.
  ///
  /// - Throws: `EditError.badTrace`; `ModelFileError` for a file that is no JSON.
  public init(_ path: String) throws {
    let json = try JSONValue(readingFile: path, limit: TextFile.Limit.dataset)
    func bad(_ what: String) -> EditError { .badTrace(file: path, what: what) }
    guard json["format"]?.text == Self.format else { throw bad("format") }
    guard json["version"]?.integer == 1 else { throw bad("version") }
    guard let members = json["identity"]?.members else { throw bad("identity") }
    guard let layerCount = json["layerCount"]?.integer, (1...100_000).contains(layerCount) else {
      throw bad("layerCount")
    }
    self.init(identity: PlanIdentity(members), layerCount: layerCount)
    let named = json["identity"]?["kinds"]?.elements?.map { $0.text.flatMap { TraceKind(rawValue: $0) } }
    guard let kinds = named?.compactMap({ $0 }), !kinds.isEmpty, kinds.count == named?.count else {
      throw bad("identity.kinds")
    }
    for (index, value) in try Self.list(json["facts"], or: bad("facts")).enumerated() {
      guard let fact = TracedFact(value, layerCount: layerCount, kinds: kinds) else {
        throw bad("facts[\(index)]")
      }
      facts.append(fact)
    }
    for (index, value) in try Self.list(json["unknown"], or: bad("unknown")).enumerated() {
      guard let fact = UnknownFact(value) else { throw bad("unknown[\(index)]") }
      unknown.append(fact)
    }
    guard json["identity"]?[TracePart.key] != nil else { return }
    guard let part else { throw bad("identity.part") }
    func places(_ kind: String, _ count: Int) throws -> [Int] {
      let numbers = json["places"]?[kind]?.elements?.map(\.integer) ?? []
      let places = numbers.compactMap { $0 }
      let isRising = zip(places, places.dropFirst()).allSatisfy { $0 < $1 }
      guard numbers.count == count, places.count == count, isRising,
        places.allSatisfy({ (0..<part.factCount).contains($0) && part.shard.contains($0) })
      else { throw bad("places.\(kind)") }
      return places
    }
    self.places = (try places("facts", facts.count), try places("unknown", unknown.count))
    guard Set(self.places.facts).isDisjoint(with: self.places.unknown) else { throw bad("places.unknown") }
  }

  private static func list(_ value: JSONValue?, or error: EditError) throws -> [JSONValue] {
    guard let elements = value?.elements else { throw error }
    return elements
  }

  /// Writes the file, whole or not at all.
  func write(to path: String) throws {
    let file = try AtomicFile(path)
    try file.file.write(Array((json.compactText + "\n").utf8), at: 0)
    try file.commit()
  }

  /// As the file carries it. What is computed of the facts stands there too, for those who read it without errata.
  public var json: JSONValue {
    let summary = summary
    func numbers(_ places: [Int]) -> JSONValue { .array(places.map { .integer($0) }) }
    let own: [JSONValue.Member] =
      part == nil
      ? [] : [.init("places", ["facts": numbers(places.facts), "unknown": numbers(places.unknown)])]
    return .object(
      [
        .init("format", .string(Self.format)), .init("version", 1),
        .init("identity", .object(identity.members)),
        .init("layerCount", .integer(layerCount)), .init("facts", .array(facts.map(\.json))),
        .init("unknown", .array(unknown.map(\.json))),
      ] + own + [.init("mean", summary.json)])
  }

  /// Means over the facts.
  public var summary: TraceSummary { TraceSummary(facts, unknown: unknown.count, layerCount: layerCount) }

  /// Whether the file knows what came of a fact.
  func knows(_ name: [String]) -> Bool {
    facts.contains { $0.name == name } || unknown.contains { $0.name == name }
  }

  /// Only what came of these facts.
  func selecting(_ names: Set<[String]>) -> TraceFile {
    var file = self
    file.facts = facts.filter { names.contains($0.name) }
    file.unknown = unknown.filter { names.contains($0.name) }
    file.places.facts = zip(places.facts, facts).filter { names.contains($1.name) }.map(\.0)
    file.places.unknown = zip(places.unknown, unknown).filter { names.contains($1.name) }.map(\.0)
    return file
  }

  /// - Parameter place: where it stands among all facts, of which the file has a part.
  mutating func append(_ outcome: FactTracer.Outcome, at place: Int? = nil) {
    switch outcome {
    case .traced(let fact):
      // As a file carries its numbers, so that means do not tell which facts were read back from one.
      let kinds = Array(fact.restored.keys)
      facts.append(TracedFact(fact.json, layerCount: layerCount, kinds: kinds) ?? fact)
      if let place { places.facts.append(place) }
    case .unknown(let fact):
      unknown.append(fact)
      if let place { places.unknown.append(place) }
    }
  }

  /// The layers that it would have so many of for edits of a model.
  ///
  /// - Throws: `EditError.traceOfOtherModel` where the model has another number of layers; `partOfTrace` where it is one of several parts;
  ///   `traceChoosesNothing` where feed-forwards were not traced, or no fact was known.
  public func choice(of count: Int, in layerCount: Int, file: String) throws(EditError) -> TraceSummary.Choice
  {
    guard layerCount == self.layerCount else {
      throw .traceOfOtherModel(file: file, layers: self.layerCount, model: layerCount)
    }
    if let shard = part?.shard {
      throw .partOfTrace(file: file, part: shard.number, count: shard.count)
    }
    guard let choice = summary.choice(of: count) else { throw .traceChoosesNothing(file: file) }
    return choice
  }

  /// Whether it was made on a model of this fingerprint.
  public func isOf(model fingerprint: String) -> Bool {
    identity.members.first { $0.key == "model" }?.value.text == fingerprint
  }
}

extension TraceSummary {
  var json: JSONValue {
    .object(
      [
        .init("facts", .integer(factCount)), .init("unknown", .integer(unknownCount)),
        .init("clean", .measured(clean)), .init("corrupted", .measured(corrupted)),
      ]
        + TraceKind.allCases.compactMap { kind -> JSONValue.Member? in
          guard let own = effects[kind] else { return nil }
          let tokens = TokenClass.allCases.compactMap { token -> JSONValue.Member? in
            own[token].map { JSONValue.Member(token.rawValue, .array($0.map { .measured($0) })) }
          }
          return JSONValue.Member(kind.rawValue, .object(tokens))
        })
  }
}
