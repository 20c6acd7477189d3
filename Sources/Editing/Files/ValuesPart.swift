internal import Floor
internal import ModelFiles

/// Which values of a run a file has, where it is one of several.
///
/// A run works on batches of groups, and a part is every N-th of them, whole: a value is then the same to the last bit wherever it is found.
struct ValuesPart: Equatable {
  /// Which part, and of how many; `nil` for all.
  var shard: Corpus.Shard?
  /// Numbers of the file's groups among those of the run, ascending.
  var groups: [Int]
  /// Groups of the run.
  let groupCount: Int
  /// Digest of the facts of all groups of the run.
  let facts: String
  /// Whether all groups of the part are there.
  var isFinished = true

  static let note = "part"

  init(_ shard: Corpus.Shard?, groups: [Int], of all: [FactGroup]) {
    (self.shard, self.groups, groupCount) = (shard, groups, all.count)
    let names = JSONValue.array(all.map { ValuesFile.name(of: $0) }).compactText
    facts = Digest(of: Array(names.utf8)).hexadecimal
  }

  /// Reads the note of a file of so many groups.
  init?(_ text: String, count: Int) {
    guard let json = try? JSONValue(parsing: Array(text.utf8)), let facts = json["facts"]?.text,
      let groupCount = json["of"]?.integer, let numbers = json["groups"]?.elements,
      let isFinished = json["finished"].map({ $0 == true })
    else { return nil }
    groups = numbers.compactMap(\.integer)
    guard groups.count == count, numbers.count == count, groupCount >= count,
      groups.allSatisfy({ (0..<groupCount).contains($0) }),
      zip(groups, groups.dropFirst()).allSatisfy({ $0 < $1 })
    else { return nil }
    if let number = json["number"]?.integer, let parts = json["count"]?.integer {
      guard let shard = Corpus.Shard(number, of: parts) else { return nil }
      self.shard = shard
    }
    (self.facts, self.groupCount, self.isFinished) = (facts, groupCount, isFinished)
  }

  var text: String {
    let numbers: [JSONValue.Member] =
      shard.map { [.init("number", .integer($0.number)), .init("count", .integer($0.count))] } ?? []
    return JSONValue.object(
      numbers + [
        .init("groups", .array(groups.map { .integer($0) })), .init("of", .integer(groupCount)),
        .init("facts", .string(facts)), .init("finished", .bool(isFinished)),
      ]
    ).compactText
  }
}
