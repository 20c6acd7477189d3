internal import Floor
internal import ModelFiles
public import Transformer

extension Edit {
  /// How a run that only finds values keeps them meanwhile.
  public struct ValuesSaving: Sendable {
    /// Seconds between two files of what there is so far.
    public var interval = 60.0
    /// Whether to save what there is and stop; asked between batches.
    public var isStopping: @Sendable () -> Bool = { false }

    /// Every minute, to the end.
    public init() {}
  }

  /// Finds values only, batch by batch, and saves them; goes on from what an interrupted run has left of the same part.
  ///
  /// - Parameters:
  ///   - part: every N-th batch instead of all; `ValuesFile.merge` puts the parts together.
  ///   - isNeeded: leaves out batches of which no group is needed; the others are found whole, to the same bits.
  /// - Returns: how many values there are, and how many an interrupted run had found.
  /// - Throws: `PartsError.stopped` where it was told to stop; `EditError.otherValues` where the file that it would go on from is of
  ///   another run.
  public func writeValues(
    to path: String, part shard: Corpus.Shard?, where isNeeded: (FactGroup) -> Bool = { _ in true },
    saving: ValuesSaving = .init(), progress: (Stage) -> Void = { _ in }
  ) throws -> (count: Int, resumed: Int) {
    let run = try begin()
    let identity = plan(of: run)
    let batches = ValueOptimization.batches(of: run.problems, rowLimit: batchRows).enumerated()
      .filter { shard?.contains($0.offset) ?? true }.map(\.element)
      .filter { $0.contains { isNeeded(run.groups[$0]) } }
    var part = ValuesPart(shard, groups: [], of: run.groups)
    var known: [Int: FactValue] = [:]
    if let left = try unfinished(path, part, identity) {
      for (number, name) in zip(left.part!.groups, left.names) {
        known[number] = left.found[name.compactText]
      }
    }
    let resumed = known.count
    let total = batches.reduce(0) { $0 + $1.count }
    var values: [FactValue] = []
    func save(_ isFinished: Bool) throws {
      part.isFinished = isFinished
      try ValuesFile.write(
        values, names: part.groups.map { ValuesFile.name(of: run.groups[$0]) },
        width: network.configuration.width, identity: identity,
        part: isFinished && shard == nil ? nil : part, to: path)
    }
    var lastSave = ProcessUse.wallSeconds
    for (number, batch) in batches.enumerated() {
      let done = values.count
      if batch.allSatisfy({ known[$0] != nil }) {
        values += batch.map { known[$0]! }
        part.groups += batch
        // Nothing new to save; and what is known of later batches is in the file that stands there.
        continue
      }
      values += try ValueEditor(run.setup).values(
        of: EditBatch(groups: batch.map { run.groups[$0] }, problems: batch.map { run.problems[$0] }),
        on: network
      ) { stage in
        guard case .values(let own, _) = stage else { return progress(stage) }
        progress(.values(done: done + own, of: total))
      }
      part.groups += batch
      guard number < batches.count - 1 else { break }
      if saving.isStopping() {
        try save(false)
        throw PartsError.stopped(file: path, done: "\(values.count) of \(total) values")
      }
      if ProcessUse.wallSeconds - lastSave >= saving.interval {
        try save(false)
        lastSave = ProcessUse.wallSeconds
      }
    }
    try save(true)
    return (values.count, resumed)
  }

  private func plan(of run: Run) -> PlanIdentity { run.plan.valueIdentity(of: run.groups) }

  /// What an interrupted run has left of this part under a name, if anything.
  private func unfinished(
    _ path: String, _ part: ValuesPart, _ identity: PlanIdentity
  ) throws -> ValuesFile? {
    guard Folder.fileExists(path), let left = try? ValuesFile(path), let leftPart = left.part else {
      return nil
    }
    let isOfThis = leftPart.shard == part.shard && leftPart.facts == part.facts
    // A part that is there already, as in a job that was put into the queue again after its end, needs no work.
    guard !leftPart.isFinished else { return isOfThis && left.identity == identity ? left : nil }
    try left.require(identity)
    guard isOfThis else { throw PartsError.ofOtherWork(first: path, second: "this run") }
    return left
  }
}
