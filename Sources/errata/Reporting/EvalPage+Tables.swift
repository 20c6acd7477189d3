import Editing
import Evaluation

extension EvalPage {
  /// Runs side by side, one measure a line.
  var runTable: String? {
    let runs = report.side
    guard runs.count > 1 || report.compared.isEmpty else { return nil }
    var lines: [String] = []
    for (title, measures) in groups {
      lines.append("<tr class=\"group\"><th colspan=\"\(runs.count + 1)\">\(title)</th></tr>")
      for measure in measures {
        let cells = runs.map { Self.cell(measure, $0.summary[measure]) }
        lines.append(
          "<tr><th scope=\"row\" title=\"\(Self.escaped(measure.definition))\">\(Self.escaped(measure.title))</th>"
            + cells.joined() + "</tr>")
      }
    }
    let heads = runs.map {
      "<th scope=\"col\" title=\"\(Self.escaped($0.label))\">\(Self.escaped(EvalReport.short($0.label)))</th>"
    }
    return Self.section(
      "Before and after", nil,
      "<div class=\"scroll\"><table class=\"runs\"><thead><tr><th></th>\(heads.joined())</tr></thead>"
        + "<tbody>\(lines.joined(separator: "\n"))</tbody></table></div>")
  }

  /// Measures under the question they answer.
  private var groups: [(String, [Measure])] {
    func question(_ measure: Measure) -> Int {
      switch measure {
      case .score: 0
      case .probes(.efficacy, _): 1
      case .probes(.paraphrase, _): 2
      case .probes(.subjectReplace, _), .probes(.reversedRelation, _), .probes(.oneHop, _),
        .probes(.logicalGeneralization, _), .portability:
        4
      case .probes, .locality, .attributes: 3
      case .fluency, .fluencyOfContinuations, .fluencyOfTokens, .consistency, .essence: 5
      case .choices, .choicesBySum, .perplexity, .routing: 6
      }
    }
    let titles = [
      "In one number", "Did it take?", "Does it generalize?", "Did the rest stay?", "Does it carry over?",
      "Are its texts sound?", "Can it still do other things?",
    ]
    return titles.enumerated().map { index, title in
      (title, report.shown.filter { question($0) == index })
    }.filter { !$0.1.isEmpty }
  }

  /// A share with a bar behind it, or a number.
  static func cell(_ measure: Measure, _ summary: MeasureSummary?, isBest: Bool = false) -> String {
    guard let summary else { return "<td class=\"none\">–</td>" }
    let text = EvalReport.cell(measure, summary)
    let spread =
      summary.count > 1 && summary.deviation > 0
      ? " title=\"± \(Numbers.significant(summary.deviation * (measure.unit == .share ? 100 : 1), 3)) over \(Numbers.count(summary.count, "record"))\""
      : ""
    let shown = isBest ? "<b>\(text)</b>" : text
    guard measure.unit == .share else { return "<td\(spread)>\(shown)</td>" }
    guard summary.mean.isFinite else { return "<td class=\"none\">\(text)</td>" }
    let width = Numbers.fixed(min(max(summary.mean.magnitude, 0), 1) * 100, 1)
    let kind = summary.mean < 0 ? "bar negative" : "bar"
    return "<td class=\"\(kind)\" style=\"--w:\(width)%\"\(spread)>\(shown)</td>"
  }

  /// Methods by measures.
  var comparisonTable: String? {
    guard !report.compared.isEmpty, let base = report.runs.first else { return nil }
    let rows = report.byWay
    let columns = EvalReport.columns.filter { column in
      rows.contains { $0.run?.summary[column.1] != nil }
    }
    func row(
      _ method: String, _ way: String, _ run: EvaluatedRun?, _ more: [String], _ kind: String, best: [Double?]
    )
      -> String
    {
      let cells = columns.enumerated().map { index, column in
        let mean = run?.summary[column.1]?.mean
        return Self.cell(column.1, run?.summary[column.1], isBest: mean != nil && mean == best[index])
      }
      return "<tr class=\"\(kind)\"><th scope=\"row\">\(method)</th><td class=\"way\">\(way)</td>"
        + cells.joined() + more.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    var lines = [
      row("none", "–", base, EvalReport.costs.map { _ in "–" }, "base", best: columns.map { _ in nil })
    ]
    var last: EditWay??
    for compared in rows {
      // The best of the rows that hold as many edits.
      let peers = rows.filter { $0.way == compared.way }
      let best = columns.map { column in
        peers.count < 2
          ? nil
          : peers.compactMap { $0.run?.summary[column.1]?.mean }.filter(\.isFinite).max {
            column.1.isBetterSmall ? $0 > $1 : $0 < $1
          }
      }
      lines.append(
        row(
          Self.escaped(compared.method), Self.escaped(compared.way?.title ?? "no weights"), compared.run,
          EvalReport.costs.map { $0.cell(compared) ?? "–" },
          last == .some(compared.way) ? "" : "first", best: best))
      if let refusal = compared.refusal {
        lines.append(
          "<tr><td></td><td class=\"way\" colspan=\"\(columns.count + EvalReport.costs.count + 1)\">\(Self.escaped(ErrorReport.explain(refusal).why))</td></tr>"
        )
      }
      last = .some(compared.way)
    }
    let titles =
      columns.map { ($0.0, $0.1.definition) } + EvalReport.costs.map { ($0.title, $0.definition) }
    let heads = titles.map { "<th scope=\"col\" title=\"\(Self.escaped($0.1))\">\($0.0)</th>" }
    return Self.section(
      "Methods",
      "Bold: the best of the methods that stored as many edits in the same way. kept and locality are held against the unedited model. "
        + Self.escaped(report.forcedNote ?? ""),
      "<div class=\"scroll\"><table class=\"methods\"><thead><tr><th>method</th><th>edits</th>\(heads.joined())</tr></thead>"
        + "<tbody>\(lines.joined(separator: "\n"))</tbody></table></div>")
  }
}
