import Evaluation
import ModelFiles
import Patches

extension EvalPage {
  /// How much each patch, or method, moves each weight.
  var norms: String? {
    var rows: [(String, [(weight: String, norm: Double)])] = report.patches.compactMap { path in
      guard let patch = try? PatchFile(path) else { return nil }
      let found = patch.changes.compactMap { change -> (weight: String, norm: Double)? in
        (change.measured?["relativeNorm"] ?? change.measured?["relativeChange"])?.number.map {
          (change.name, $0)
        }
      }
      return (path, found)
    }
    rows += report.compared.filter { !$0.norms.isEmpty }.map { row in
      ("\(row.method), \(row.way?.title ?? "")", row.norms.map { ($0.weight, $0.relativeNorm) })
    }
    rows = rows.filter { !$0.1.isEmpty }
    guard !rows.isEmpty else { return nil }
    let largest = rows.flatMap { $0.1.map(\.norm) }.filter(\.isFinite).max() ?? 1
    let lines = rows.map { label, norms in
      let bars = norms.enumerated().map { index, item in
        "<tr\(index == 0 ? " class=\"first\"" : "")><th scope=\"row\">\(index == 0 ? Self.escaped(label) : "")</th>"
          + "<td class=\"weight\">\(Self.escaped(item.weight))</td><td class=\"norm\">"
          + "<span style=\"width:\(Numbers.fixed(item.norm.isFinite ? 100 * item.norm / max(largest, 1e-12) : 100, 1))%\"></span></td>"
          + "<td>\(Numbers.percent(item.norm))</td></tr>"
      }
      return "<tbody class=\"together\">\(bars.joined())</tbody>"
    }
    return Self.section(
      "How far the weights moved",
      "‖Δ‖ / ‖W‖, Frobenius, for each edited weight; for methods the mean over their batches.",
      "<div class=\"scroll\"><table class=\"norms\">\(lines.joined())</table></div>")
  }
}
