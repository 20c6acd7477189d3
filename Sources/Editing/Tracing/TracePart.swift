internal import Floor
internal import ModelFiles

/// Which facts of a whole a file of traces has: `identity.part` of Formats/trace.md.
struct TracePart: Equatable {
  let shard: Corpus.Shard
  /// How many facts the whole has, each once.
  let factCount: Int
  /// Names them all, in order.
  let facts: String

  static let key = "part"

  init(_ shard: Corpus.Shard, of names: [[String]]) {
    self.shard = shard
    factCount = names.count
    let text = JSONValue.array(names.map { .array($0.map { .string($0) }) }).compactText
    facts = Digest(of: Array(text.utf8)).hexadecimal
  }

  /// `nil` where it is something else.
  init?(_ json: JSONValue) {
    guard let number = json["number"]?.integer, let count = json["of"]?.integer,
      let shard = Corpus.Shard(number, of: count), let factCount = json["count"]?.integer,
      (0...(1 << 40)).contains(factCount), let facts = json["facts"]?.text
    else { return nil }
    (self.shard, self.factCount, self.facts) = (shard, factCount, facts)
  }

  var json: JSONValue {
    [
      "number": .integer(shard.number), "of": .integer(shard.count), "count": .integer(factCount),
      "facts": .string(facts),
    ]
  }

  /// That of the whole, with the part in it.
  func identity(of whole: PlanIdentity) -> PlanIdentity {
    PlanIdentity(whole.members + [.init(Self.key, json)])
  }

  /// Facts that the part has when it is done.
  var ownCount: Int { (factCount + shard.count - shard.number) / shard.count }

  func isOfSame(_ other: TracePart) -> Bool {
    other.shard.count == shard.count && other.factCount == factCount && other.facts == facts
  }
}

extension TraceFile {
  /// Puts the parts of one tracing together: what one run would have written.
  ///
  /// - Parameter isPartial: also where parts are missing or unfinished.
  /// - Returns: what was written.
  /// - Throws: `PartsError`; `EditError.badTrace`.
  public static func merge(_ paths: [String], to output: String, isPartial: Bool = false) throws -> TraceFile
  {
    var set = PartSet(of: "the tracing")
    var parts: [(path: String, file: TraceFile, part: TracePart)] = []
    for path in paths {
      let file = try TraceFile(path)
      guard let part = file.part else { throw PartsError.noPart(file: path) }
      try set.add(part.shard.number, of: part.shard.count, file: path)
      if let first = parts.first {
        guard part.isOfSame(first.part), file.whole == first.file.whole,
          file.layerCount == first.file.layerCount
        else { throw PartsError.ofOtherWork(first: first.path, second: path) }
      }
      let done = file.facts.count + file.unknown.count
      guard isPartial || done == part.ownCount else {
        throw PartsError.unfinishedPart(file: path, done: "\(done) of \(part.ownCount) facts")
      }
      parts.append((path, file, part))
    }
    guard let first = parts.first else {
      throw PartsError.missingParts(whole: "the tracing", missing: [1], count: 1)
    }
    if !isPartial { try set.requireAll() }
    let merged = TraceFile(
      identity: first.file.whole, layerCount: first.file.layerCount,
      facts: inOrder(parts.map { ($0.file.places.facts, $0.file.facts) }),
      unknown: inOrder(parts.map { ($0.file.places.unknown, $0.file.unknown) }))
    try merged.write(to: output)
    return merged
  }

  private static func inOrder<Entry>(_ parts: [(places: [Int], entries: [Entry])]) -> [Entry] {
    parts.flatMap { Array(zip($0.places, $0.entries)) }.sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// What the whole was traced with.
  private var whole: PlanIdentity { PlanIdentity(identity.members.filter { $0.key != TracePart.key }) }
}
