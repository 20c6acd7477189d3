import Editing
import ModelFiles
import Patches

/// A report as one page: nothing is loaded from elsewhere, and everything reads without a script.
protocol Page {
  /// What the browser's tab says.
  var title: String { get }
  /// The command that made it.
  var kicker: String { get }
  /// What it is about.
  var heading: String { get }
  /// One or two sentences below the heading.
  var lead: String { get }
  /// The parts, as HTML.
  var sections: [String] { get }
}

extension Page {
  func write(to path: String) throws {
    let file = try AtomicFile(path)
    try file.file.write(Array(html.utf8), at: 0)
    try file.commit()
  }

  /// The whole page.
  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(Self.escaped(title))</title>
    <style>
    \(PageStyle.sheet)
    </style>
    </head>
    <body>
    <header>
    <p class="kicker">\(Self.escaped(kicker))</p>
    <h1>\(Self.escaped(heading))</h1>
    <p class="lead">\(Self.escaped(lead))</p>
    </header>
    <main>
    \(sections.joined(separator: "\n"))
    </main>
    <footer><p>\(Self.escaped(Errata.tool))</p></footer>
    </body>
    </html>

    """
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

  /// Two points on a line from 0 to 1.
  static func change(_ before: Double?, _ after: Double?) -> String {
    guard let before, let after, before.isFinite, after.isFinite else {
      return "<span class=\"change\">–</span>"
    }
    func x(_ value: Double) -> String { Numbers.fixed(6 + 108 * value, 1) }
    return """
      <span class="change"><svg viewBox="0 0 120 14" role="img"><title>\(Numbers.percent(before)) before, \(Numbers.percent(after)) after</title>\
      <line class="grid" x1="6" x2="114" y1="7" y2="7"/><line class="move" x1="\(x(before))" x2="\(x(after))" y1="7" y2="7"/>\
      <circle class="before" cx="\(x(before))" cy="7" r="3.5"/><circle class="after" cx="\(x(after))" cy="7" r="4"/></svg>\
      <span class="sub">\(Numbers.fixed(after * 100, 1))</span></span>
      """
  }

  /// How far weights moved: for each label a bar for each weight, of the largest of all.
  static func bars(_ rows: [(String, [(weight: String, norm: Double)])]) -> String {
    let largest = rows.flatMap { $0.1.map(\.norm) }.filter(\.isFinite).max() ?? 1
    let lines = rows.map { label, norms in
      let bars = norms.enumerated().map { index, item in
        let width = item.norm.isFinite ? 100 * item.norm / max(largest, 1e-12) : 100
        return "<tr\(index == 0 ? " class=\"first\"" : "")>"
          + "<th scope=\"row\">\(index == 0 ? escaped(label) : "")</th><td class=\"weight\">\(escaped(item.weight))</td>"
          + "<td class=\"norm\"><span style=\"width:\(Numbers.fixed(width, 1))%\"></span></td>"
          + "<td>\(Numbers.percent(item.norm))</td></tr>"
      }
      return "<tbody class=\"together\">\(bars.joined())</tbody>"
    }
    return "<div class=\"scroll\"><table class=\"norms\">\(lines.joined())</table></div>"
  }
}
