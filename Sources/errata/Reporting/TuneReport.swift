import Editing
import Evaluation
import ModelFiles

/// What a run of `tune` found.
struct TuneReport {
  let result: RecipeSearch.Result
  let seen: Int
  let heldOut: Int
  let weights: CriterionWeights

  /// A trial as a line.
  static func line(_ trial: RecipeSearch.Trial) -> String {
    let change = trial.change.map { "\($0.setting.rawValue) \($0.value)" } ?? "the recipe to begin with"
    let score = trial.score.map { Numbers.fixed(100 * $0, 1) } ?? "refused"
    return "\(change): \(score) in \(Numbers.significant(trial.seconds, 2)) s"
  }

  /// The best recipe, as `--recipe` reads it.
  var recipe: JSONValue {
    .object(
      [.init("method", .string(result.best.method.name))]
        + result.best.json.filter { $0.key != RecipeSetting.source.rawValue }
        + [.init("source", .string("tuned on \(Numbers.count(seen, "fact"))"))])
  }

  /// What is not as it was.
  private var changes: [String] {
    guard let first = result.trials.first?.recipe.json else { return [] }
    return result.best.json.compactMap { member in
      let before = first.first { $0.key == member.key }?.value
      guard member.key != RecipeSetting.source.rawValue, before != member.value else { return nil }
      return
        "\(member.key) \(before.map { $0.text ?? $0.compactText } ?? "–") → \(member.value.text ?? member.value.compactText)"
    }
  }

  var text: String {
    var table = Table([
      ("trial", .right), ("changed", .left), ("to", .left), ("score", .right), ("seconds", .right),
    ])
    for (index, trial) in result.trials.enumerated() {
      table.add([
        String(index + 1), trial.change?.setting.rawValue ?? "–", trial.change?.value ?? "–",
        trial.score.map { Numbers.fixed(100 * $0, 1) } ?? "refused", Numbers.significant(trial.seconds, 2),
      ])
    }
    let end = result.ranOut ? "the budget ended the search" : "no change of one number is better"
    var lines = [
      table.text(),
      "Changed: \(changes.isEmpty ? "nothing" : changes.joined(separator: ", ")); \(end).",
      "On the \(Numbers.count(seen, "fact")) searched on: \(Numbers.fixed(100 * result.searched.before, 1)) → \(Numbers.fixed(100 * result.searched.after, 1)).",
    ]
    if let before = result.heldOut.before, let after = result.heldOut.after {
      lines.append(
        "On the \(Numbers.count(heldOut, "fact")) held out: \(words(before)) → \(words(after)), 95 % of redraws in brackets."
      )
      if after.score < before.score {
        lines.append(
          "Held out, it is no better than what it began with: more facts would tell, or the search went after chance."
        )
      }
    } else {
      lines.append("The facts held out could not be edited, or have nothing of what counts.")
    }
    return lines.joined(separator: "\n")
  }

  private func words(_ place: MethodRanking.Place) -> String {
    "\(Numbers.fixed(100 * place.score, 1)) (\(Numbers.fixed(100 * place.interval.lowerBound, 1)) – \(Numbers.fixed(100 * place.interval.upperBound, 1)))"
  }

  /// The object of `tune --json`.
  var json: JSONValue {
    func place(_ place: MethodRanking.Place?) -> JSONValue {
      guard let place else { return .null }
      return [
        "score": .measured(place.score),
        "interval": [.measured(place.interval.lowerBound), .measured(place.interval.upperBound)],
      ]
    }
    return [
      "recipe": recipe, "searched": .integer(seen), "heldOut": .integer(heldOut),
      "ranOut": .bool(result.ranOut),
      "before": .measured(result.searched.before), "after": .measured(result.searched.after),
      "heldOutBefore": place(result.heldOut.before), "heldOutAfter": place(result.heldOut.after),
      "trials": .array(
        result.trials.map { trial in
          [
            "setting": trial.change.map { .string($0.setting.rawValue) } ?? .null,
            "value": trial.change.map { .string($0.value) } ?? .null,
            "score": trial.score.map { .measured($0) } ?? .null, "seconds": .measured(trial.seconds),
          ]
        }),
    ]
  }
}
