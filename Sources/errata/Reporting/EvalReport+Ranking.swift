import Editing
import Evaluation
import ModelFiles

extension EvalReport {
  /// Rankings of the compared methods, one for each way of editing that several of them have.
  var rankings: [(way: EditWay, ranking: MethodRanking)] {
    guard let weights else { return [] }
    var ways: [EditWay] = []
    for row in compared { if let way = row.way, !ways.contains(way) { ways.append(way) } }
    return ways.map { way in
      // What edits nothing stands beside every way.
      let rows = compared.filter { $0.way == way || $0.way == nil }
      let measured = rows.compactMap { MethodRanking.Row($0, base: runs.first, among: rows) }
      return (way, MethodRanking(measured, weights: weights))
    }
  }

  var rankingText: String? {
    let parts = rankings.map { way, ranking in
      var table = Table(
        [("", .right), (way.title, .left), ("score", .right), ("95 % of redraws", .right), ("first", .right)]
          + ranking.weights.weights.map { ($0.criterion.name, .right) })
      for (index, place) in ranking.places.enumerated() {
        table.add(
          [
            String(index + 1), place.name, Numbers.fixed(100 * place.score, 1), Self.words(place.interval),
            place.firstShare.isNaN ? "–" : Numbers.percent(place.firstShare),
          ] + ranking.weights.weights.map { Numbers.fixed(100 * place.values[$0.criterion]!, 1) })
      }
      return ([table.text()] + words(ranking)).joined(separator: "\n")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "\n")
  }

  private static func words(_ interval: ClosedRange<Double>) -> String {
    "\(Numbers.fixed(100 * interval.lowerBound, 1)) – \(Numbers.fixed(100 * interval.upperBound, 1))"
  }

  /// Which to take, what it costs, and how sure that is.
  func words(_ ranking: MethodRanking) -> [String] {
    var lines = ranking.unranked.map { name, missing in
      "  \(name) is not ranked: nothing was measured of \(missing.map(\.name).joined(separator: ", "))."
    }
    guard let best = ranking.places.first else { return lines }
    let terms = ranking.weights.weights.map { "\($0.criterion.name) \(Numbers.significant($0.weight, 3))" }
    var sentence =
      "  Take \(best.name): \(Numbers.fixed(100 * best.score, 1)) by \(terms.joined(separator: ", "))."
    if ranking.places.count > 1 {
      let next = ranking.places[1]
      let differences = ranking.weights.weights.map { criterion, _ in
        (criterion, 100 * (best.values[criterion]! - next.values[criterion]!))
      }
      let gains = differences.filter { $0.1 >= 0.05 }.map { "\(Numbers.fixed($0.1, 1)) of \($0.0.name)" }
      let costs = differences.filter { $0.1 <= -0.05 }.map { "\(Numbers.fixed(-$0.1, 1)) of \($0.0.name)" }
      sentence +=
        " Against \(next.name), with \(Numbers.fixed(100 * next.score, 1)), it gains \(gains.isEmpty ? "nothing" : gains.joined(separator: ", "))"
        + " and costs \(costs.isEmpty ? "nothing" : costs.joined(separator: ", "))."
      if best.firstShare.isNaN {
        sentence += " One record says nothing of how sure that is."
      } else if best.firstShare >= 0.95 {
        sentence +=
          " It leads in \(Numbers.percent(best.firstShare)) of \(MethodRanking.draws) redraws of the records."
      } else {
        sentence +=
          " These records do not decide it: it leads in \(Numbers.percent(best.firstShare)) of \(MethodRanking.draws) redraws; more records would tell."
      }
    }
    lines.insert(sentence, at: 0)
    return lines
  }

  /// The rankings for scripts.
  var rankingJSON: JSONValue {
    .array(
      rankings.map { way, ranking in
        .object([
          .init("edits", .integer(way.editCount)), .init("way", .string(way.word)),
          .init(
            "weights",
            .object(ranking.weights.weights.map { .init($0.criterion.name, .measured($0.weight)) })),
          .init(
            "places",
            .array(
              ranking.places.map { place in
                [
                  "method": .string(place.name), "score": .measured(place.score),
                  "interval": [.measured(place.interval.lowerBound), .measured(place.interval.upperBound)],
                  "firstShare": place.firstShare.isNaN ? .null : .measured(place.firstShare),
                  "values": .object(
                    ranking.weights.weights.map {
                      .init($0.criterion.name, .measured(place.values[$0.criterion]!))
                    }
                  ),
                ]
              })),
          .init(
            "unranked",
            .array(
              ranking.unranked.map {
                ["method": .string($0.name), "missing": .array($0.missing.map { .string($0.name) })]
              })),
        ])
      })
  }
}
