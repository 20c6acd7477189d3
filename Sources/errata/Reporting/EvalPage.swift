import Editing
import Evaluation
import ModelFiles

/// A report as one page: nothing is loaded from elsewhere, and everything reads without a script.
struct EvalPage {
  let report: EvalReport

  init(_ report: EvalReport) { self.report = report }

  func write(to path: String) throws {
    let file = try AtomicFile(path)
    try file.file.write(Array(html.utf8), at: 0)
    try file.commit()
  }

  /// The whole page.
  var html: String {
    let count = Numbers.count(report.series.records.count, "record")
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(Self.escaped(Folder.name(of: report.data))) · errata eval</title>
      <style>
      \(EvalPage.style)
      </style>
      </head>
      <body>
      <header>
      <p class="kicker">errata eval</p>
      <h1>\(Self.escaped(Folder.name(of: report.model)))</h1>
      <p class="lead">\(count) of \(Self.escaped(report.data)). Rates are percentages: means over a record's prompts, then over the records.</p>
      </header>
      <main>
      \(sections.joined(separator: "\n"))
      </main>
      <footer><p>\(Self.escaped(Errata.tool))</p></footer>
      </body>
      </html>

      """
  }

  private var sections: [String] {
    [runTable, comparisonTable, curves, norms, costs, facts, definitions].compactMap { $0 }
  }

  /// - Parameter together: whether it is to stand on one sheet of paper.
  static func section(_ title: String, _ note: String?, _ body: String, together: Bool = false) -> String {
    """
    <section\(together ? " class=\"together\"" : "")>
    <h2>\(title)</h2>
    \(note.map { "<p class=\"note\">\($0)</p>" } ?? "")
    \(body)
    </section>
    """
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

  /// Text that HTML takes as text.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n": result += "↵"
      default:
        // Control characters have no place in a page.
        result.unicodeScalars.append(scalar.value < 0x20 ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }
}
