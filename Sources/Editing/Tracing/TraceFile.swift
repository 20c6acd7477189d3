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

  static let format = "errata-trace"

  init(identity: PlanIdentity, layerCount: Int) {
    (self.identity, self.layerCount) = (identity, layerCount)
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
    return .object([
      .init("format", .string(Self.format)), .init("version", 1),
      .init("identity", .object(identity.members)),
      .init("layerCount", .integer(layerCount)), .init("facts", .array(facts.map(\.json))),
      .init("unknown", .array(unknown.map(\.json))), .init("mean", summary.json),
    ])
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
    return file
  }

  mutating func append(_ outcome: FactTracer.Outcome) {
    switch outcome {
    case .traced(let fact): facts.append(fact)
    case .unknown(let fact): unknown.append(fact)
    }
  }

  /// The layers that it would have so many of for edits of a model.
  ///
  /// - Throws: `EditError.traceOfOtherModel` where the model has another number of layers; `traceChoosesNothing` where feed-forwards
  ///   were not traced, or no fact was known.
  public func choice(of count: Int, in layerCount: Int, file: String) throws(EditError) -> TraceSummary.Choice
  {
    guard layerCount == self.layerCount else {
      throw .traceOfOtherModel(file: file, layers: self.layerCount, model: layerCount)
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
