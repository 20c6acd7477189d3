import Editing
import Evaluation

extension EvalPage {
  /// Time and memory, phase by phase: as patches record them, and as measured here.
  var costs: String? {
    let rows = report.costs(of: report.runs)
    guard !rows.isEmpty else { return nil }
    let groups = rows.map { row in
      "<tbody class=\"together\">"
        + row.cost.phases.enumerated().map { index, phase in
          let isFirst = index == 0
          let cells = phase.cells
          return "<tr\(isFirst ? " class=\"first\"" : "")>"
            + "<th scope=\"row\">\(isFirst ? Self.escaped(row.label) : "")</th>"
            + "<td class=\"way\">\(!isFirst ? "" : row.isRecorded ? "in the patch" : "here")</td>"
            + "<td class=\"way\">\(Self.escaped(phase.name))</td><td>\(cells[0])</td><td>\(cells[1])</td>"
            + "<td>\(cells[2])</td><td>\(isFirst ? String(row.cost.threads) : "")</td></tr>"
        }.joined() + "</tbody>"
    }
    return Self.section(
      "What it took",
      "In the patch: recorded by <code>--record-cost</code> where the patch was made, perhaps on another machine. Here: measured in "
        + "this run. Memory is the most that the process had had since its run began, when the phase ended, mapped pages of the model included.",
      "<div class=\"scroll\"><table class=\"costs\"><thead><tr><th>run</th><th class=\"way\">measured</th><th class=\"way\">phase</th>"
        + "<th>seconds</th><th>processor seconds</th><th>memory</th><th>threads</th></tr></thead>"
        + "\(groups.joined(separator: "\n"))</table></div>")
  }
}
