internal import Editing
internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// Makes the edits of one method, in memory.
final class EditMaker {
  private let network: Network
  private let tokenizer: Tokenizer
  private let statistics: StatisticsFile?
  private let plan: EditPlan
  private let scratch: String
  private let metrics: MetricCache
  private let aids: EditAids
  private var file: ValuesFile?
  /// Records that this process edits, where it is one of several; values of others are not found.
  private let own: [Range<Int>]?
  private let weighsPatches: Bool
  /// The last edit of a sequence with batches of a size, and what it took: a longer one goes on from it.
  private var sequences: [Int: (edited: EditedNetwork, made: MadeEdit)] = [:]
  /// What the values took that all batches share.
  let values: ValueLedger

  /// - Parameter plan: with contexts and all that it meets.
  init(
    network: Network, tokenizer: Tokenizer, statistics: StatisticsFile?, plan: EditPlan, scratch: String,
    metrics: MetricCache, aids: EditAids = EditAids(), values: ValueLedger, weighsPatches: Bool,
    own: [Range<Int>]? = nil
  ) {
    (self.own, self.weighsPatches) = (own, weighsPatches)
    (self.network, self.tokenizer, self.statistics, self.plan) = (network, tokenizer, statistics, plan)
    (self.scratch, self.metrics, self.aids, self.values) = (scratch, metrics, aids, values)
  }

  /// Named by what the values depend on, so that a file left by another run is not taken for ours.
  lazy var valuesPath: String =
    "\(scratch).\(plan.valueIdentity.digest.abbreviation).values"

  /// Everything that the edited network depends on beside the model.
  func identity(of way: EditWay, _ records: [FactRecord]) -> String {
    let facts = records.map { "\($0.fact)" }.joined(separator: "\n")
    return "edit \(way) \(plan.identity.digest.hexadecimal)\n\(facts)"
  }

  /// The edited network, and what was done for it.
  func make(
    _ way: EditWay, _ range: Range<Int>, _ records: [FactRecord]
  ) throws -> EvaluationSeries.Part.Made {
    var run = try run(Array(records[range]))
    var earlier: (edited: EditedNetwork, made: MadeEdit)?
    switch way {
    case .batches: run.knownValues = try known(records).map { [$0] } ?? []
    case .sequence(_, let batch):
      // As published, each batch's values are found on the network that the batches before it left.
      run.plan.sequence = .accumulate(batch: plan.method.sequenceBatch ?? batch)
      earlier = sequences.removeValue(forKey: batch)
    }
    let (edited, taken) = try MadeEdit.measured(facts: { _ in range.count }) {
      try run.edited(after: earlier?.edited)
    }
    var made = edited.goesOn ? taken.after(earlier!.made) : taken
    made.norms = Dictionary(uniqueKeysWithValues: edited.norms.map { ($0.weight, $0.relativeNorm) })
    if case .sequence(_, let batch) = way { sequences[batch] = (edited, made) }
    if weighsPatches { made.patchByteCount = try edited.patchByteCount(scratch: "\(scratch).patch") }
    return .init(network: edited.network, edit: made)
  }

  private func run(_ records: [FactRecord]) throws -> Edit {
    var run = try Edit(
      network: network, tokenizer: tokenizer, records: records, statistics: statistics, plan: plan)
    run.metrics = metrics
    run.aids = aids
    return run
  }

  /// Values of all records that this process edits, found once: they do not depend on what a fact is stored together with.
  private func known(_ records: [FactRecord]) throws -> ValuesFile? {
    guard plan.method.optimizesValues else { return nil }
    if let file { return file }
    // What a killed run has left of them is gone on from.
    if try !Folder.fileExists(valuesPath) || !ValuesFile(valuesPath).isFinished {
      // Two facts with one key have a joint value in one batch and values of their own in others: those are found there.
      let needed = own.map { ranges in ranges.flatMap { records[$0].map(\.fact) } }
      do {
        let (_, made) = try MadeEdit.measured(facts: { needed == nil ? records.count : $0.count }) {
          try run(records).writeValues(
            to: valuesPath, part: nil,
            where: { group in needed.map { $0.contains { group.facts.contains($0) } } ?? true })
        }
        try values.keep(made)
      } catch is FactsError {
        // Records that contradict each other may still be edited in different batches.
        return nil
      }
    }
    file = try ValuesFile(valuesPath)
    return file
  }
}

/// What it took to find the values that all batches of a method share, now or in an earlier process.
final class ValueLedger {
  private let results: ResultsFile?
  private let key: String
  private let label: String
  private var found: MadeEdit?
  /// Files of values, for when the comparison is done.
  var files: Set<String> = []

  init(_ plan: EditPlan, _ series: EvaluationSeries) {
    results = series.results
    key = series.key(["values", plan.valueIdentity.digest.hexadecimal])
    label = "\(plan.method.name), values"
    found = results?.edit(of: key)
  }

  func keep(_ edit: MadeEdit) throws {
    guard found == nil else { return }
    found = edit
    try results?.append(edit, of: key, label: label)
  }

  /// The most memory that finding them took.
  var peakMemory: Int? { found?.peakMemory }

  /// The share of some facts. Facts beyond those that values were found for at once have theirs in the time of their own edit.
  func seconds(for facts: Int) -> Double {
    found.map { $0.seconds * Double(min(facts, $0.facts)) / Double($0.facts) } ?? 0
  }
}
