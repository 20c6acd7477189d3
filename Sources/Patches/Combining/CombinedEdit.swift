internal import ModelFiles

/// What several patches say about their edits, as one. `Formats/output.md`, *The edit object*.
///
/// How an edit was made – method, recipe, contexts, whatever else a patch says of it – stays true of each fact: what all
/// patches have in common stands where it always does, what differs in `parts`, and each fact names its part.
struct CombinedEdit {
  /// The one object; `nil` when no patch says anything.
  let json: JSONValue?

  /// What is of one run, not of how the edits were made.
  private static let ofRuns: Set<String> = ["facts", "parts", "heldText", "cost"]

  /// Each way of making edits once, and the facts with the place of theirs.
  private struct Gathered {
    var makings: [[JSONValue.Member]] = []
    private var places: [String: Int] = [:]

    /// The place of a way of making edits, new or known.
    mutating func place(of making: [JSONValue.Member]) -> Int {
      let text = JSONValue.object(making).compactText
      if let known = places[text] { return known }
      places[text] = makings.count
      makings.append(making)
      return makings.count - 1
    }
  }

  init(_ edits: [JSONValue]) {
    guard !edits.isEmpty else {
      json = nil
      return
    }
    var gathered = Gathered()
    var facts: [(members: [JSONValue.Member], part: Int)] = []
    var identifiers = Identifiers()
    var firstColumn = 0
    let hasColumns = edits.contains {
      $0["facts"]?.elements?.contains { $0["column"]?.integer != nil } ?? false
    }
    for edit in edits {
      let common = (edit.members ?? []).filter { !CombinedEdit.ofRuns.contains($0.key) }
      let parts = (edit["parts"]?.elements ?? [.object([])]).map {
        gathered.place(of: common + ($0.members ?? []))
      }
      var columns = 0
      for (position, fact) in (edit["facts"]?.elements ?? []).enumerated() {
        let column = fact["column"]?.integer.flatMap { (0..<(1 << 40)).contains($0) ? $0 : nil } ?? position
        columns = max(columns, column + 1)
        let part = fact["part"]?.integer.flatMap { parts.indices.contains($0) ? $0 : nil } ?? 0
        let members = (fact.members ?? []).filter { $0.key != "part" }.map { member in
          switch member.key {
          case "column": JSONValue.Member("column", .integer(firstColumn + column))
          case "id":
            JSONValue.Member("id", member.value.text.map { .string(identifiers.unused($0)) } ?? member.value)
          default: member
          }
        }
        let isNumbered = !hasColumns || members.contains { $0.key == "column" }
        facts.append(
          (isNumbered ? members : members + [.init("column", .integer(firstColumn + column))], parts[part]))
      }
      firstColumn += columns
    }
    json = CombinedEdit.object(gathered.makings, facts)
  }

  private static func object(
    _ makings: [[JSONValue.Member]], _ facts: [(members: [JSONValue.Member], part: Int)]
  ) -> JSONValue {
    guard makings.count > 1 else {
      return .object(makings[0] + [.init("facts", .array(facts.map { .object($0.members) }))])
    }
    let others = makings.dropFirst().map { JSONValue.object($0) }
    let common = makings[0].filter { member in others.allSatisfy { $0[member.key] == member.value } }
    let commonKeys = Set(common.map(\.key))
    let parts = makings.map { making in JSONValue.object(making.filter { !commonKeys.contains($0.key) }) }
    return .object(
      common + [
        .init("parts", .array(parts)),
        .init("facts", .array(facts.map { .object($0.members + [.init("part", .integer($0.part))]) })),
      ])
  }
}

/// Names of facts that tell them apart: one that is taken gets a number.
private struct Identifiers {
  private var taken: Set<String> = []
  private var next: [String: Int] = [:]

  mutating func unused(_ identifier: String) -> String {
    if taken.insert(identifier).inserted { return identifier }
    var number = next[identifier] ?? 2
    while !taken.insert("\(identifier)-\(number)").inserted { number += 1 }
    next[identifier] = number + 1
    return "\(identifier)-\(number)"
  }
}
