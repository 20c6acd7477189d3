import Editing
import ModelFiles

/// A trace as one page.
struct TracePage: Page {
  let report: TraceReport

  init(_ report: TraceReport) { self.report = report }

  var kicker: String { "errata trace" }
  var title: String { "\(Folder.name(of: report.facts)) · errata trace" }
  var heading: String { Folder.name(of: report.model) }
  var lead: String { report.lead }

  var sections: [String] {
    let choice = report.choiceWords.map {
      Self.section("Where to edit", Self.escaped($0), curve ?? "", together: true)
    }
    let maps = report.settings.kinds.compactMap { kind in
      map(kind).map {
        Self.section(Self.escaped(report.title(of: kind)), Self.note, $0, together: true)
      }
    }
    return [choice].compactMap { $0 } + maps + [facts, unknown].compactMap { $0 }
  }

  private static let note =
    "Probability that comes back, in percent, mean over the tokens of a kind of all facts; the darkest cell is the largest."

  // MARK: Heat maps

  /// Classes by layers.
  private func map(_ kind: TraceKind) -> String? {
    guard let effects = report.summary.effects[kind] else { return nil }
    let rows = TokenClass.allCases.compactMap { token in effects[token].map { (token.title, $0) } }
    return Self.heatMap(
      rows, marking: kind == .mlp ? report.choice?.layers ?? [] : [],
      of: effects.values.joined().max() ?? 0)
  }

  /// A cell for each layer of each row, shaded from nothing to the largest.
  ///
  /// - Parameter marking: layers with a mark below.
  static func heatMap(_ rows: [(title: String, values: [Double])], marking: [Int], of largest: Double)
    -> String
  {
    let layers = rows.first?.values.count ?? 0
    let (left, cell, line) = (150.0, min(max(640.0 / Double(max(layers, 1)), 6), 40), 24.0)
    let (width, height) = (left + cell * Double(layers) + 10, line * Double(rows.count) + 34)
    func place(_ value: Double) -> String { Numbers.fixed(value, 1) }
    var parts: [String] = []
    for (index, row) in rows.enumerated() {
      let y = line * Double(index)
      parts.append(
        "<text class=\"tick\" x=\"\(place(left - 8))\" y=\"\(place(y + 16))\" text-anchor=\"end\">\(Self.escaped(row.title))</text>"
      )
      for (layer, value) in row.values.enumerated() {
        let share = largest > 0 ? min(max(value / largest, 0), 1) : 0
        parts.append(
          "<rect class=\"cell\" x=\"\(place(left + cell * Double(layer)))\" y=\"\(place(y))\" width=\"\(place(cell))\" height=\"\(place(line - 2))\""
            + " fill-opacity=\"\(Numbers.fixed(share, 3))\"><title>\(Self.escaped(row.title)), layer \(layer): \(Numbers.percent(value))</title></rect>"
        )
      }
    }
    let bottom = line * Double(rows.count)
    let step = max(1, Int((26 / cell).rounded(.up)))
    for layer in 0..<layers where layer % step == 0 {
      parts.append(
        "<text class=\"tick\" x=\"\(place(left + cell * (Double(layer) + 0.5)))\" y=\"\(place(bottom + 14))\" text-anchor=\"middle\">\(layer)</text>"
      )
    }
    for layer in marking {
      parts.append(
        "<rect class=\"mark\" x=\"\(place(left + cell * Double(layer)))\" y=\"\(place(bottom + 19))\" width=\"\(place(cell))\" height=\"4\"><title>chosen</title></rect>"
      )
    }
    return
      "<div class=\"scroll\"><svg class=\"map\" role=\"img\" viewBox=\"0 0 \(place(width)) \(place(height))\" width=\"\(place(width))\" height=\"\(place(height))\">"
      + parts.joined() + "</svg></div>"
  }

  // MARK: Lines

  /// Effect at the subjects' last tokens by layer, a line for each kind.
  private var curve: String? {
    let lines = report.settings.kinds.compactMap { kind in
      report.summary.effects[kind]?[.subjectLast].map { (kind, $0) }
    }
    guard let largest = lines.flatMap(\.1).max(), largest > 0, report.file.layerCount > 1 else { return nil }
    let (width, height, left, right, top, bottom) = (660.0, 220.0, 44.0, 12.0, 10.0, 26.0)
    let count = report.file.layerCount
    func place(_ value: Double) -> String { Numbers.fixed(value, 1) }
    func x(_ layer: Double) -> Double { left + (width - left - right) * layer / Double(count - 1) }
    func y(_ value: Double) -> Double { top + (height - top - bottom) * (1 - max(value, 0) / largest) }
    var parts: [String] = []
    if let layers = report.choice?.layers {
      let (first, last) = (x(Double(layers[0]) - 0.5), x(Double(layers[layers.count - 1]) + 0.5))
      parts.append(
        "<rect class=\"chosen\" x=\"\(place(first))\" y=\"\(place(top))\" width=\"\(place(last - first))\" height=\"\(place(height - top - bottom))\"/>"
      )
    }
    for share in [0, 0.5, 1] {
      parts.append(
        "<line class=\"grid\" x1=\"\(place(left))\" x2=\"\(place(width - right))\" y1=\"\(place(y(share * largest)))\" y2=\"\(place(y(share * largest)))\"/>"
          + "<text class=\"tick\" x=\"\(place(left - 6))\" y=\"\(place(y(share * largest) + 3.5))\" text-anchor=\"end\">\(Numbers.significant(100 * share * largest, 2))</text>"
      )
    }
    for layer in 0..<count where layer % max(1, (count + 15) / 16) == 0 {
      parts.append(
        "<text class=\"tick\" x=\"\(place(x(Double(layer))))\" y=\"\(place(height - 8))\" text-anchor=\"middle\">\(layer)</text>"
      )
    }
    for (index, (_, values)) in lines.enumerated() {
      let points = values.enumerated().map { "\(place(x(Double($0)))),\(place(y($1)))" }
        .joined(separator: " ")
      parts.append("<polyline class=\"line c\(index % 6)\" points=\"\(points)\"/>")
    }
    let keys = lines.enumerated().map { index, line in
      "<span class=\"key\"><svg width=\"22\" height=\"10\" aria-hidden=\"true\"><line x1=\"1\" x2=\"21\" y1=\"5\" y2=\"5\" class=\"line c\(index % 6)\"/></svg>\(Self.word(line.0))</span>"
    }
    return
      "<p class=\"keys\">\(keys.joined())</p><figure><svg role=\"img\" viewBox=\"0 0 \(place(width)) \(place(height))\" width=\"\(place(width))\" height=\"\(place(height))\">"
      + parts.joined()
      + "</svg><figcaption class=\"sub\">Effect at the subjects' last tokens by layer, percent; shaded: the chosen layers.</figcaption></figure>"
  }

  private static func word(_ kind: TraceKind) -> String {
    switch kind {
    case .hidden: "hidden state"
    case .mlp: "feed-forwards"
    case .attention: "attention"
    }
  }

  // MARK: Facts

  /// Facts shown with a map of their own: a page that a browser opens at once.
  private static let shownFacts = 100

  /// Every fact with its own map, to be opened.
  private var facts: String? {
    let all = report.file.facts
    guard !all.isEmpty else { return nil }
    let kind = report.settings.kinds[0]
    let items = all.prefix(Self.shownFacts).map { fact in
      let rows = (fact.subject.lowerBound..<fact.tokens.count).map { token in
        (
          title: fact.tokens[token] + (fact.subject.contains(token) ? " *" : ""),
          values: (0..<report.file.layerCount).map { fact.effect(kind, token: token, layer: $0)! }
        )
      }
      let largest = rows.flatMap(\.values).max() ?? 0
      return
        "<details class=\"run\"><summary>\(Self.escaped(fact.tokens.joined())) <b>\(Self.escaped(fact.name[2]))</b> "
        + "<span class=\"sub\">\(Numbers.percent(fact.clean)), corrupted \(Numbers.percent(fact.corrupted))</span></summary>\(Self.heatMap(rows, marking: [], of: largest))</details>"
    }
    let rest =
      all.count > Self.shownFacts
      ? "The first \(Self.shownFacts) of \(all.count); the file of traces has all. " : ""
    return Self.section(
      "Facts",
      Self.escaped(rest + "Each with what it restores of the \(Self.word(kind)), by token; * the subject's."),
      items.joined())
  }

  private var unknown: String? {
    let unknown = report.file.unknown
    guard !unknown.isEmpty else { return nil }
    let rows = unknown.prefix(Self.shownFacts).map {
      "<tr><td class=\"way\">\(Self.escaped(Self.filled($0.name)))</td><td class=\"way\">\(Self.escaped($0.name[2]))</td><td class=\"way\">\(Self.escaped($0.said))</td></tr>"
    }
    return Self.section(
      "Not known to the model",
      "\(unknown.count) of the facts, which were left out. What the model says in the answer's place, token by token."
        + (unknown.count > Self.shownFacts ? " The first \(Self.shownFacts)." : ""),
      "<details><summary>\(unknown.count) facts</summary><div class=\"scroll\"><table><thead><tr><th class=\"way\">prompt</th><th class=\"way\">answer</th><th class=\"way\">said</th></tr></thead>\(rows.joined())</table></div></details>"
    )
  }

  private static func filled(_ name: [String]) -> String {
    Fact(identifier: "", prompt: name[0], subject: name[1], target: name[2]).filledPrompt
  }
}
