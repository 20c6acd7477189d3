internal import Editing
internal import Floor

/// Methods ranked for somebody's own task, by the weighted mean of what was measured.
///
///     score = Σ w_c x_c / Σ w_c,  x_c the mean of criterion c over the records that have it
///
/// How sure it is: the records are drawn anew, with replacement, the same ones for all methods, and the methods are ranked again
/// (Efron's bootstrap). What is measured of a whole run stays what it is.
public struct MethodRanking: Sendable {
  /// What was measured of one method.
  public struct Row: Sendable {
    /// Its name.
    public let name: String
    /// What each record has of each criterion.
    public let records: [[Criterion: Double]]
    /// Of the whole run.
    public let constants: [Criterion: Double]

    /// Joins them.
    public init(name: String, records: [[Criterion: Double]], constants: [Criterion: Double] = [:]) {
      (self.name, self.records, self.constants) = (name, records, constants)
    }
  }

  /// A method's place.
  public struct Place: Sendable {
    /// Its name.
    public let name: String
    /// The weighted mean.
    public let score: Double
    /// From the 2.5th to the 97.5th percentile of the drawn scores.
    public let interval: ClosedRange<Double>
    /// Share of the draws in which it is the best.
    public let firstShare: Double
    /// x_c.
    public let values: [Criterion: Double]
  }

  /// The best first; of equals, the one that was named first.
  public private(set) var places: [Place] = []
  /// What counts.
  public let weights: CriterionWeights
  /// Methods that lack a criterion that counts, with the criteria.
  public private(set) var unranked: [(name: String, missing: [Criterion])] = []
  private var rows: [Row] = []

  /// Draws of the records.
  public static let draws = 1000

  /// Ranks methods.
  ///
  /// - Parameter rows: of one set of records each, all of them in one order.
  public init(_ rows: [Row], weights: CriterionWeights, seed: UInt64 = 0) {
    self.weights = weights
    for row in rows {
      let missing = weights.weights.map(\.criterion).filter { value(row, $0, nil) == nil }
      if missing.isEmpty { self.rows.append(row) } else { unranked.append((row.name, missing)) }
    }
    guard !self.rows.isEmpty else { return }
    let count = self.rows.map(\.records.count).min()!
    var generator = SplitMix64(seed: seed)
    var drawn = self.rows.map { _ in [Double]() }
    var firsts = self.rows.map { _ in 0 }
    for _ in 0..<(count > 1 ? Self.draws : 0) {
      let picked = (0..<count).map { _ in generator.below(count) }
      let scores = self.rows.map { score($0, picked, weights) }
      // A draw in which no record has some criterion says nothing.
      guard scores.allSatisfy({ $0 != nil }) else { continue }
      for (index, score) in scores.enumerated() { drawn[index].append(score!) }
      firsts[scores.indices.reduce(0) { scores[$1]! > scores[$0]! ? $1 : $0 }] += 1
    }
    places = self.rows.enumerated().map { index, row in
      let (score, sorted) = (score(row, nil, weights)!, drawn[index].sorted())
      return Place(
        name: row.name, score: score,
        interval: sorted.isEmpty
          ? score...score
          : sorted[Int(0.025 * Double(sorted.count))]...sorted[Int(0.975 * Double(sorted.count - 1))],
        firstShare: sorted.isEmpty ? .nan : Double(firsts[index]) / Double(sorted.count),
        values: Dictionary(
          uniqueKeysWithValues: weights.weights.map { ($0.criterion, value(row, $0.criterion, nil)!) }))
    }
    // Sorting is stable.
    places.sort { $0.score > $1.score }
  }

  /// What leads where a criterion has this share of all weight and the others keep their proportions; `nil` without methods.
  public func best(giving share: Double, to criterion: Criterion) -> String? {
    let rest = weights.weights.filter { $0.criterion != criterion }
    let sum = rest.reduce(0) { $0 + $1.weight }
    func score(_ row: Row) -> Double {
      let others = sum > 0 ? rest.reduce(0) { $0 + $1.weight * value(row, $1.criterion, nil)! } / sum : 0
      return share * value(row, criterion, nil)! + (1 - share) * others
    }
    return rows.isEmpty
      ? nil : rows.indices.reduce(0) { score(rows[$1]) > score(rows[$0]) ? $1 : $0 }.name(in: rows)
  }

  /// A criterion's share of all weight.
  public func share(of criterion: Criterion) -> Double {
    (weights.weights.first { $0.criterion == criterion }?.weight ?? 0) / weights.sum
  }

  /// The mean over records, all or those drawn, or of the run.
  private func value(_ row: Row, _ criterion: Criterion, _ picked: [Int]?) -> Double? {
    if let constant = row.constants[criterion] { return constant.isFinite ? constant : nil }
    var (sum, count) = (0.0, 0)
    for index in picked ?? Array(row.records.indices) {
      if let value = row.records[index][criterion] {
        sum += value
        count += 1
      }
    }
    return count > 0 && sum.isFinite ? sum / Double(count) : nil
  }

  private func score(_ row: Row, _ picked: [Int]?, _ weights: CriterionWeights) -> Double? {
    var sum = 0.0
    for (criterion, weight) in weights.weights {
      guard let value = value(row, criterion, picked) else { return nil }
      sum += weight * value
    }
    return sum / weights.sum
  }
}

extension Int {
  fileprivate func name(in rows: [MethodRanking.Row]) -> String { rows[self].name }
}

extension MethodRanking.Row {
  /// What a comparison measured of a method; `nil` where its edits were refused.
  ///
  /// - Parameter all: rows that it is held against, in one way of editing.
  public init?(_ row: ComparedRun, base: EvaluatedRun?, among all: [ComparedRun]) {
    guard let run = row.run else { return nil }
    var constants: [Criterion: Double] = [:]
    for criterion in Criterion.all { constants[criterion] = criterion.ofRun?(row, base, all) }
    self.init(
      name: row.method,
      records: run.records.map { record in
        Dictionary(
          uniqueKeysWithValues: Criterion.all.compactMap { criterion in
            criterion.value(record).map { (criterion, $0) }
          })
      }, constants: constants)
  }
}
