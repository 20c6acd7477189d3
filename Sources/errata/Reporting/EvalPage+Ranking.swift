import Editing
import Evaluation

extension EvalPage {
  /// Which method to take by the weights given, and how the choice moves with each of them.
  var ranking: String? {
    let drawn = report.rankings.filter { !$0.ranking.places.isEmpty }.map { way, ranking in
      let names = ranking.places.map(\.name)
      let words = report.words(ranking).map { "<p>\(Self.escaped($0))</p>" }.joined()
      return
        "<h3>\(Self.escaped(way.title))</h3>\(words)\(Self.table(ranking))\(Self.keys(names))\(Self.strips(ranking, names))"
    }
    guard !drawn.isEmpty else { return nil }
    return Self.section(
      "Which to take",
      "Scores are weighted means of the criteria, in percent; the interval holds 95 % of the scores over redraws of the records. Below, the method that leads as one criterion's share of all weight goes from nothing to all, the others in their proportions; the mark is the share given.",
      drawn.joined())
  }

  private static func table(_ ranking: MethodRanking) -> String {
    let heads = ranking.weights.weights.map {
      "<th>\(escaped($0.criterion.name)) <span class=\"sub\">× \(Numbers.significant($0.weight, 3))</span></th>"
    }
    let rows = ranking.places.map { place in
      let cells = ranking.weights.weights.map {
        "<td>\(Numbers.fixed(100 * place.values[$0.criterion]!, 1))</td>"
      }
      let first = place.firstShare.isNaN ? "–" : Numbers.percent(place.firstShare)
      return
        "<tr><th scope=\"row\">\(escaped(place.name))</th><td><b>\(Numbers.fixed(100 * place.score, 1))</b></td>"
        + "<td>\(Numbers.fixed(100 * place.interval.lowerBound, 1)) – \(Numbers.fixed(100 * place.interval.upperBound, 1))</td><td>\(first)</td>\(cells.joined())</tr>"
    }
    return
      "<div class=\"scroll\"><table><thead><tr><th>method</th><th>score</th><th>95 %</th><th>leads</th>\(heads.joined())</tr></thead>\(rows.joined())</table></div>"
  }

  private static func keys(_ names: [String]) -> String {
    let keys = names.enumerated().map { index, name in
      "<span class=\"key\"><svg width=\"14\" height=\"12\" aria-hidden=\"true\"><rect width=\"14\" height=\"12\" class=\"dot \(Self.color(index))\"/></svg>\(escaped(name))</span>"
    }
    return "<p class=\"keys\">\(keys.joined())</p>"
  }

  /// A strip for each criterion: the leading method's color over the criterion's share.
  private static func strips(_ ranking: MethodRanking, _ names: [String]) -> String {
    let (left, width, line, steps) = (120.0, 520.0, 26.0, 100)
    func place(_ value: Double) -> String { Numbers.fixed(value, 1) }
    var parts: [String] = []
    for (index, item) in ranking.weights.weights.enumerated() {
      let y = line * Double(index)
      parts.append(
        "<text class=\"tick\" x=\"\(place(left - 8))\" y=\"\(place(y + 15))\" text-anchor=\"end\">\(escaped(item.criterion.name))</text>"
      )
      // Runs of one leader are one rectangle.
      var start = 0
      var leader = ranking.best(giving: 0, to: item.criterion)
      for step in 1...steps {
        let next =
          step < steps ? ranking.best(giving: (Double(step) + 0.5) / Double(steps), to: item.criterion) : nil
        guard next != leader else { continue }
        let color = names.firstIndex(of: leader ?? "") ?? 0
        parts.append(
          "<rect class=\"dot \(Self.color(color))\" x=\"\(place(left + width * Double(start) / Double(steps)))\" y=\"\(place(y + 2))\" width=\"\(place(width * Double(step - start) / Double(steps)))\" height=\"\(place(line - 8))\"><title>\(escaped(leader ?? "")) from \(start) to \(step) %</title></rect>"
        )
        (start, leader) = (step, next)
      }
      let mark = left + width * ranking.share(of: item.criterion)
      parts.append(
        "<line class=\"line plain\" x1=\"\(place(mark))\" x2=\"\(place(mark))\" y1=\"\(place(y))\" y2=\"\(place(y + line - 4))\"/>"
      )
    }
    let height = line * Double(ranking.weights.weights.count) + 18
    for share in [0, 25, 50, 75, 100] {
      parts.append(
        "<text class=\"tick\" x=\"\(place(left + width * Double(share) / 100))\" y=\"\(place(height - 4))\" text-anchor=\"middle\">\(share) %</text>"
      )
    }
    return
      "<div class=\"scroll\"><svg class=\"map\" role=\"img\" viewBox=\"0 0 \(place(left + width + 20)) \(place(height))\" width=\"\(place(left + width + 20))\" height=\"\(place(height))\">\(parts.joined())</svg></div>"
  }
}
