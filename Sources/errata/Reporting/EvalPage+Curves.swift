import Editing
import Evaluation
import Glibc

extension EvalPage {
  /// One line of a curve.
  private struct Line {
    let method: String
    let isSequence: Bool
    /// Edits, and a measure's mean.
    var points: [(edits: Int, value: Double)]
  }

  /// Score, efficacy, paraphrase and neighborhood against the number of edits.
  var curves: String? {
    let measures: [(String, Measure)] = [
      ("Score", .score), ("Efficacy", .probes(.efficacy, .success)),
      ("Paraphrase", .probes(.paraphrase, .success)), ("Neighborhood", .probes(.neighborhood, .success)),
      ("Portability", .portability), ("Locality", .locality),
    ]
    let methods = orderedMethods
    let drawn = measures.compactMap { title, measure -> String? in
      let lines = lines(of: measure)
      guard lines.contains(where: { $0.points.count > 1 }) else { return nil }
      return "<figure><figcaption>\(title)</figcaption>\(Self.chart(lines, methods: methods))</figure>"
    }
    guard !drawn.isEmpty else { return nil }
    let sequences = report.compared.contains { $0.way?.isInSequence == true }
    let batches = report.compared.contains { $0.way?.isInSequence == false }
    var keys = methods.enumerated().map { index, method in
      "<span class=\"key\"><svg width=\"22\" height=\"10\" aria-hidden=\"true\"><line x1=\"1\" x2=\"21\" y1=\"5\" y2=\"5\" class=\"line \(Self.color(index))\"/></svg>\(Self.escaped(method))</span>"
    }
    if sequences, batches {
      keys += [("", "together in a batch"), (" dashed", "one batch on top of the other")].map {
        "<span class=\"key\"><svg width=\"22\" height=\"10\" aria-hidden=\"true\"><line x1=\"1\" x2=\"21\" y1=\"5\" y2=\"5\" class=\"line plain\($0.0)\"/></svg>\($0.1)</span>"
      }
    }
    return Self.section(
      "Against the number of edits", "Edits in the model when it is asked, on a logarithmic scale; percent.",
      "<p class=\"keys\">\(keys.joined())</p><div class=\"charts\">\(drawn.joined())</div>", together: true)
  }

  /// The look of a method's lines and marks: six colors, then the same thinner and open, then fainter.
  static func color(_ index: Int) -> String {
    "c\(index % 6)" + ["", " again", " again faint"][min(index / 6, 2)]
  }

  private var orderedMethods: [String] {
    var methods: [String] = []
    for row in report.compared where row.way != nil && !methods.contains(row.method) {
      methods.append(row.method)
    }
    return methods
  }

  private func lines(of measure: Measure) -> [Line] {
    var lines: [Line] = []
    for row in report.compared {
      guard let way = row.way, let value = row.run?.summary[measure]?.mean, value.isFinite else { continue }
      let place = lines.firstIndex { $0.method == row.method && $0.isSequence == way.isInSequence }
      if let place {
        lines[place].points.append((way.editCount, value))
      } else {
        lines.append(Line(method: row.method, isSequence: way.isInSequence, points: [(way.editCount, value)]))
      }
    }
    return lines.map { line in
      var line = line
      line.points.sort { $0.edits < $1.edits }
      return line
    }
  }

  private static func chart(_ lines: [Line], methods: [String]) -> String {
    let (width, height) = (340.0, 210.0)
    let (left, right, top, bottom) = (34.0, 12.0, 10.0, 26.0)
    let counts = Set(lines.flatMap { $0.points.map(\.edits) }).sorted()
    let span = max(log(Double(counts.last!)) - log(Double(counts[0])), 1e-9)
    func x(_ edits: Int) -> Double {
      left + (width - left - right)
        * (counts.count == 1 ? 0.5 : (log(Double(edits)) - log(Double(counts[0]))) / span)
    }
    func y(_ value: Double) -> Double { top + (height - top - bottom) * (1 - min(max(value, 0), 1)) }
    func place(_ value: Double) -> String { Numbers.fixed(value, 1) }
    var parts: [String] = []
    for tick in [0, 0.25, 0.5, 0.75, 1] {
      parts.append(
        "<line class=\"grid\" x1=\"\(place(left))\" x2=\"\(place(width - right))\" y1=\"\(place(y(tick)))\" y2=\"\(place(y(tick)))\"/>"
          + "<text class=\"tick\" x=\"\(place(left - 6))\" y=\"\(place(y(tick) + 3.5))\" text-anchor=\"end\">\(Numbers.fixed(tick * 100, 0))</text>"
      )
    }
    var lastLabel = -100.0
    for count in counts where x(count) - lastLabel > 26 {
      lastLabel = x(count)
      parts.append(
        "<text class=\"tick\" x=\"\(place(x(count)))\" y=\"\(place(height - 8))\" text-anchor=\"middle\">\(count)</text>"
      )
    }
    for line in lines {
      let look = color(methods.firstIndex(of: line.method) ?? 0)
      let points = line.points.map { "\(place(x($0.edits))),\(place(y($0.value)))" }.joined(separator: " ")
      parts.append(
        "<polyline class=\"line \(look)\(line.isSequence ? " dashed" : "")\" points=\"\(points)\"/>")
      for point in line.points {
        parts.append(
          "<circle class=\"dot \(look)\" cx=\"\(place(x(point.edits)))\" cy=\"\(place(y(point.value)))\" r=\"3\"><title>\(escaped(line.method)), \(Numbers.count(point.edits, "edit"))\(line.isSequence ? " in sequence" : ""): \(Numbers.fixed(point.value * 100, 1))</title></circle>"
        )
      }
    }
    return "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\">\(parts.joined())</svg>"
  }
}

extension EditWay {
  /// Whether one batch lies on top of the other.
  var isInSequence: Bool { if case .sequence = self { true } else { false } }
}
