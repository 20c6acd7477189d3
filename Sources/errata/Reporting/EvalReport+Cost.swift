import Editing
import Evaluation

extension EvalReport {
  /// What a run took, and what its patch says that making it took: rows of a table.
  struct CostRow {
    /// The run.
    let label: String
    /// Whether the patch says so; else it was measured here.
    let isRecorded: Bool
    let cost: WorkCost
  }

  /// Those recorded in a patch stand before those measured here; a run whose answers were all known took nothing.
  func costs(of runs: [EvaluatedRun]) -> [CostRow] {
    runs.flatMap { run in
      let here = WorkCost(threads: threads, phases: run.cost.phases)
      return (run.recordedCost.map { [CostRow(label: run.label, isRecorded: true, cost: $0)] } ?? [])
        + (here.phases.isEmpty ? [] : [CostRow(label: run.label, isRecorded: false, cost: here)])
    }
  }

  /// Phase by phase; `nil` where no patch has more to say than the row of seconds does.
  func costText(verbose: Bool) -> String? {
    let runs = verbose ? runs : side
    guard verbose || runs.contains(where: { $0.recordedCost != nil }) else { return nil }
    var table = Table([
      ("what it took", .left), ("phase", .left), ("seconds", .right), ("processor", .right),
      ("memory", .right), ("threads", .right),
    ])
    for row in costs(of: runs) {
      for (index, phase) in row.cost.phases.enumerated() {
        let head = "\(Self.short(row.label)), \(row.isRecorded ? "in the patch" : "here")"
        table.add(
          [index == 0 ? head : "", Numbers.oneLine(phase.name)] + phase.cells
            + [index == 0 ? String(row.cost.threads) : ""])
      }
    }
    return table.text()
  }
}
