import Floor
import ModelFiles
import Patches

/// Two patches side by side.
struct PatchComparison {
  let first: PatchFile
  let second: PatchFile

  init(_ first: PatchFile, _ second: PatchFile) { (self.first, self.second) = (first, second) }

  var facts: [FactPair] { FactPair.all(first, second) }
  var tensors: [TensorPair] { TensorPair.all(first, second) }
}

/// One prompt in two patches.
struct FactPair {
  enum Relation: String {
    case same
    case otherTarget = "other target"
    case onlyHere = "only here"
    case onlyThere = "only there"
  }

  let first: PatchFact?
  let second: PatchFact?

  var relation: Relation {
    guard let first else { return .onlyThere }
    guard let second else { return .onlyHere }
    return first.target == second.target ? .same : .otherTarget
  }

  var text: String {
    guard let first, let second, relation == .otherTarget else { return (first ?? second)?.text ?? "" }
    return "\(first.sentence) → \(first.target) | \(second.target)"
  }

  var json: JSONValue {
    func side(_ fact: PatchFact?) -> JSONValue {
      guard let fact else { return .null }
      func measured(_ key: String) -> JSONValue { fact.number(key).map { .number($0) } ?? .null }
      return [
        "target": .string(fact.target), "probabilityAfter": measured("probabilityAfter"),
        "isSaid": fact.isSaid.map { .bool($0) } ?? .null, "locality": measured("locality"),
      ]
    }
    return [
      "prompt": .string((first ?? second)?.sentence ?? ""), "relation": .string(relation.rawValue),
      "first": side(first), "second": side(second),
    ]
  }

  /// Those of the first patch in its order, then those that only the second has. A prompt that a patch has several times is
  /// paired in the order of its facts.
  static func all(_ first: PatchFile, _ second: PatchFile) -> [FactPair] {
    var left = Dictionary(grouping: PatchFact.all(of: second).enumerated(), by: \.element.sentence)
    var pairs = PatchFact.all(of: first).map { fact in
      let match = left[fact.sentence]?.first
      if match != nil { left[fact.sentence]?.removeFirst() }
      return FactPair(first: fact, second: match?.element)
    }
    let rest = left.values.joined().sorted { $0.offset < $1.offset }
    pairs += rest.map { FactPair(first: nil, second: $0.element) }
    return pairs
  }
}

/// One tensor in two patches.
struct TensorPair {
  let first: TensorChange?
  let second: TensorChange?

  var name: String { (first ?? second)?.name ?? "" }

  /// Digests tell: of the base, then of the result.
  var relation: String {
    guard let first else { return FactPair.Relation.onlyThere.rawValue }
    guard let second else { return FactPair.Relation.onlyHere.rawValue }
    if first.before?.digest != second.before?.digest { return "another base" }
    return first.after?.digest == second.after?.digest ? "the same" : "another result"
  }

  var json: JSONValue {
    func norm(_ change: TensorChange?) -> JSONValue { change?.relativeNorm.map { .number($0) } ?? .null }
    return [
      "name": .string(name), "relation": .string(relation), "firstNorm": norm(first),
      "secondNorm": norm(second),
    ]
  }

  static func all(_ first: PatchFile, _ second: PatchFile) -> [TensorPair] {
    let here = Dictionary(first.changes.map { ($0.name, $0) }) { one, _ in one }
    let there = Dictionary(second.changes.map { ($0.name, $0) }) { one, _ in one }
    return Set(here.keys).union(there.keys).sorted().map { TensorPair(first: here[$0], second: there[$0]) }
  }
}
