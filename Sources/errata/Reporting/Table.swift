/// Rows in columns, two spaces apart.
struct Table {
  /// Where a column's text stands.
  enum Alignment {
    case left
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  init(_ heads: [(String, Alignment)]) {
    alignments = heads.map(\.1)
    rows.append(heads.map(\.0))
  }

  /// Cells hold what files say, too, and stay one line each, of a length that a line can have.
  mutating func add(_ cells: [String]) { rows.append(cells.map { Numbers.beginning(of: $0, limit: 256) }) }

  /// The table, each line after this indent, without spaces at line ends. Columns in which no row says anything are left
  /// out.
  func text(indent: Int = 2) -> String {
    let telling = alignments.indices.filter { column in
      rows.count == 1 || rows.dropFirst().contains { !["–", ""].contains($0[column]) }
    }
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = String(repeating: " ", count: indent)
      for column in telling {
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        line += column == telling.first ? "" : "  "
        line += alignments[column] == .left ? row[column] + padding : padding + row[column]
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
