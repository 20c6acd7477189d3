import Editing
import Evaluation
import ModelFiles

/// What was measured, as a page.
struct EvalPage: Page {
  let report: EvalReport

  init(_ report: EvalReport) { self.report = report }

  var kicker: String { "errata eval" }
  var title: String { "\(Folder.name(of: report.data)) · errata eval" }
  var heading: String { Folder.name(of: report.model) }
  var lead: String {
    "\(Numbers.count(report.series.records.count, "record")) of \(report.data). Rates are percentages: means over a record's "
      + "prompts, then over the records."
  }

  var sections: [String] {
    [runTable, comparisonTable, ranking, curves, norms, costs, facts, definitions].compactMap { $0 }
  }

  /// What each measure is, to be opened.
  private var definitions: String? {
    let items = report.measures.map {
      "<dt>\(Self.escaped($0.title)) <code>\($0.name)</code></dt><dd>\(Self.escaped($0.definition))</dd>"
    }
    return Self.section(
      "Definitions", nil,
      "<details><summary>\(items.count) measures</summary><dl>\(items.joined())</dl></details>")
  }
}
