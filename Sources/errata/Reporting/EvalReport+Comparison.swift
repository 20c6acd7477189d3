import Editing
import Evaluation
import ModelFiles

extension EvalReport {
  /// The measures of the survey's table, as far as a row has them.
  static let columns: [(String, Measure)] = [
    ("S", .score), ("ES", .probes(.efficacy, .success)), ("PS", .probes(.paraphrase, .success)),
    ("NS", .probes(.neighborhood, .success)), ("EM", .probes(.efficacy, .magnitude)),
    ("PM", .probes(.paraphrase, .magnitude)), ("NM", .probes(.neighborhood, .magnitude)),
    ("exact", .probes(.efficacy, .exact)), ("par. exact", .probes(.paraphrase, .exact)),
    ("nbr. kept", .probes(.neighborhood, .kept)), ("others kept", .probes(.otherRelation, .kept)),
    ("portability", .portability), ("locality", .locality), ("spoken", .probes(.efficacy, .spoken)),
    ("par. spoken", .probes(.paraphrase, .spoken)), ("hops spoken", .probes(.oneHop, .spoken)),
    ("fluency", .fluency), ("consistency", .consistency), ("choices", .choices), ("ppl", .perplexity),
  ]

  /// What stands behind the measures: how far the weights moved, and what an edit takes.
  static let costs: [(title: String, definition: String, cell: @Sendable (ComparedRun) -> String?)] = [
    (
      "‖Δ‖/‖W‖", "of the weight that moved most, Frobenius, the mean over the batches",
      { $0.norms.map(\.relativeNorm).largest.map { Numbers.percent($0) } }
    ),
    (
      "s/edit", "seconds by the wall for each edit, values included",
      { $0.secondsPerEdit.map { Numbers.significant($0, 2) } }
    ),
    (
      "patch/edit", "size of a patch for each edit, but for the facts' lines",
      { $0.patchBytesPerEdit.map { Numbers.bytes(Int($0.rounded())) } }
    ),
    (
      "memory", "the most that the process had while it edited, mapped pages of the model included",
      { $0.peakMemory.map { Numbers.bytes($0) } }
    ),
  ]

  /// Rows that store as many edits in the same way together, in the order in which the ways were asked for.
  var byWay: [ComparedRun] {
    var ways: [EditWay?] = []
    for row in compared where !ways.contains(row.way) { ways.append(row.way) }
    return ways.flatMap { way in compared.filter { $0.way == way } }
  }

  /// Which columns are read with the right tokens put in the model's mouth, and which it says by itself.
  var forcedNote: String? {
    guard compared.contains(where: { $0.run != nil }) else { return nil }
    let spoken = compared.contains { $0.run?.summary[.probes(.efficacy, .spoken)] != nil }
    return
      "Teacher-forced, with the answer's earlier tokens given: exact, kept, portability, locality. "
      + (spoken
        ? "Spoken: what the model says by itself until it ends the sentence."
        : "With --generate also what the model says by itself.")
  }

  /// Methods by measures.
  var comparisonText: String? {
    guard !compared.isEmpty, let base = runs.first else { return nil }
    var table = Table(
      [("method", .left), ("edits", .left)] + Self.columns.map { ($0.0, .right) }
        + Self.costs.map { ($0.title, .right) })
    func cells(_ run: EvaluatedRun?) -> [String] { Self.columns.map { Self.cell($0.1, run?.summary[$0.1]) } }
    table.add(["none", "–"] + cells(base) + Self.costs.map { _ in "–" })
    for row in byWay {
      table.add(
        [row.method, row.way?.title ?? "–"] + cells(row.run) + Self.costs.map { $0.cell(row) ?? "–" })
    }
    let refused = byWay.compactMap { row in
      row.refusal.map { "  \(row.method), \(row.way?.title ?? ""): \(ErrorReport.explain($0).why)" }
    }
    let notes = forcedNote.map { ["  " + $0] } ?? []
    return ([table.text()] + refused + notes).joined(separator: "\n")
  }

  /// The rows for scripts.
  var comparisonJSON: JSONValue {
    .array(
      compared.map { row in
        .object([
          .init("method", .string(row.method)),
          .init("edits", row.way.map { .integer($0.editCount) } ?? .null),
          .init("way", .string(row.way?.word ?? "none")),
          .init("label", row.run.map { .string($0.label) } ?? .null),
          .init("secondsPerEdit", row.secondsPerEdit.map { .measured($0) } ?? .null),
          .init("patchBytesPerEdit", row.patchBytesPerEdit.map { .measured($0) } ?? .null),
          .init("peakMemory", row.peakMemory.map { .integer($0) } ?? .null),
          .init("norms", .object(row.norms.map { .init($0.weight, .measured($0.relativeNorm)) })),
          .init("refusal", row.refusal.map { .string(ErrorReport.explain($0).why) } ?? .null),
        ])
      })
  }
}

extension EditWay {
  /// For scripts.
  var word: String {
    switch self {
    case .batches: "batch"
    case .sequence: "sequence"
    }
  }
}
