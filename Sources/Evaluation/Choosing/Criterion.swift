internal import Editing
internal import ModelFiles

/// What somebody may want of an edit, and the measures that tell of it: a row of `all`.
///
/// Each is a number from 0 to 1, more of it better, so that a weighted mean of several says something.
public struct Criterion: Sendable {
  /// How it is written in weights.
  public let name: String
  /// What it is, in half a sentence.
  public let summary: String
  /// Measures of a record; a record has the mean of those that it has.
  let measures: [Measure]
  /// Of a whole run, where no record has it: from the row itself, and the base of the comparison.
  var ofRun: (@Sendable (_ row: ComparedRun, _ base: EvaluatedRun?, _ all: [ComparedRun]) -> Double?)?

  /// The criteria, in the order of tables.
  public static let all = [
    reliability, generalization, locality, relations, portability, spoken, capability, speed,
  ]

  /// Efficacy: the target is what the edited prompt is gone on with.
  static let reliability = Criterion(
    name: "reliability", summary: "the edited prompts, target against former target",
    measures: [.probes(.efficacy, .success)])
  static let generalization = Criterion(
    name: "generalization", summary: "the edited statements in other words",
    measures: [.probes(.paraphrase, .success)])
  static let locality = Criterion(
    name: "locality", summary: "other subjects and unrelated text keep their answers",
    measures: [
      .probes(.neighborhood, .success), .probes(.distractingNeighbor, .kept), .probes(.locality, .kept),
    ])
  static let relations = Criterion(
    name: "relations", summary: "other properties of the edited subjects keep their answers",
    measures: [.probes(.otherRelation, .kept), .probes(.forgetfulness, .kept)])
  static let portability = Criterion(
    name: "portability", summary: "what follows from the facts is said",
    measures: [.portability])
  static let spoken = Criterion(
    name: "spoken", summary: "free continuations of the edited prompts are the targets (--generate)",
    measures: [.probes(.efficacy, .spoken)])
  static let capability = Criterion(
    name: "capability",
    summary: "multiple choice (--choices) or the text of --perplexity, against the base's",
    measures: [],
    ofRun: { row, base, _ in
      let pairs: [(Measure, Bool)] = [(.choices, false), (.perplexity, true)]
      return mean(
        pairs.compactMap { measure, isBetterSmall in
          guard let own = row.run?.summary[measure]?.mean, let before = base?.summary[measure]?.mean,
            own > 0 || !isBetterSmall, before > 0
          else { return nil }
          return min(isBetterSmall ? before / own : own / before, 1)
        })
    })
  static let speed = Criterion(
    name: "speed", summary: "seconds for an edit, those of the fastest against its own", measures: [],
    ofRun: { row, _, all in
      guard let own = row.secondsPerEdit, let best = all.compactMap(\.secondsPerEdit).min(), own > 0 else {
        return nil
      }
      return best / own
    })

  /// What a record has of it.
  func value(_ record: RecordMeasures) -> Double? { mean(measures.compactMap { record.values[$0] }) }
}

extension Criterion {
  /// The criterion of this name.
  public init?(name: String) {
    guard let found = Self.all.first(where: { $0.name == name }) else { return nil }
    self = found
  }
}

extension Criterion: Hashable {
  /// Criteria are told apart by their names.
  public static func == (first: Criterion, second: Criterion) -> Bool { first.name == second.name }
  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// How much each criterion counts.
public struct CriterionWeights: Equatable, Sendable {
  /// Those that count, in the order of `Criterion.all`; weights are above zero.
  public let weights: [(criterion: Criterion, weight: Double)]

  /// - Throws: `badWeight` for a weight that is none, or below zero; `noWeights` where all are zero.
  public init(_ given: [(name: String, weight: Double?)]) throws(EvaluationError) {
    for (name, weight) in given {
      guard Criterion(name: name) != nil, let weight, weight.isFinite, weight >= 0,
        given.count(where: { $0.name == name }) == 1
      else { throw .badWeight(name) }
    }
    var weights: [(criterion: Criterion, weight: Double)] = []
    for criterion in Criterion.all {
      guard let weight = given.first(where: { $0.name == criterion.name })?.weight, weight > 0 else {
        continue
      }
      weights.append((criterion, weight))
    }
    guard !weights.isEmpty else { throw .noWeights }
    self.weights = weights
  }

  /// Reads `reliability=3,speed=0.5`, or a JSON object in a file.
  public init(_ text: String) throws {
    if text.contains("=") {
      try self.init(
        text.split(separator: ",", omittingEmptySubsequences: false).map {
          part -> (name: String, weight: Double?) in
          let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
          return (sides[0], sides.count == 2 ? Double(sides[1]) : nil)
        })
    } else {
      let members = try JSONValue(readingFile: text).members
      try self.init(
        (members ?? []).map { member -> (name: String, weight: Double?) in
          (member.key, member.value.number)
        })
    }
  }

  /// All of them added up.
  var sum: Double { weights.reduce(0) { $0 + $1.weight } }

  /// Weights are the same where criteria and numbers are.
  public static func == (first: CriterionWeights, second: CriterionWeights) -> Bool {
    first.weights.elementsEqual(second.weights) { $0 == $1 }
  }
}
