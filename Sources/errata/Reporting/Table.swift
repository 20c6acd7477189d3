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

  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The table, each line after this indent, without spaces at line ends.
  func text(indent: Int = 2) -> String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = String(repeating: " ", count: indent)
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (alignments[column] == .left ? cell + padding : padding + cell)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
