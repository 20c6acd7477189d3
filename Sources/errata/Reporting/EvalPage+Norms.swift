import Evaluation
import ModelFiles
import Patches

extension EvalPage {
  /// How much each patch, or method, moves each weight.
  var norms: String? {
    var rows: [(String, [(weight: String, norm: Double)])] = report.patches.compactMap { path in
      guard let patch = try? PatchFile(path) else { return nil }
      return (path, patch.changes.compactMap { change in change.relativeNorm.map { (change.name, $0) } })
    }
    rows += report.compared.filter { !$0.norms.isEmpty }.map { row in
      ("\(row.method), \(row.way?.title ?? "")", row.norms.map { ($0.weight, $0.relativeNorm) })
    }
    rows = rows.filter { !$0.1.isEmpty }
    guard !rows.isEmpty else { return nil }
    return Self.section(
      "How far the weights moved",
      "‖Δ‖ / ‖W‖, Frobenius, for each edited weight; for methods the mean over their batches.",
      Self.bars(rows))
  }
}
