import Editing
import ModelFiles
import Patches

extension FactEditReport {
  /// Facts listed before the rest is only counted.
  private static let lineLimit = 20
  /// ‖Δ‖ / ‖W‖ above which an edit is likely to be felt everywhere.
  private static let largeNorm = 0.5
  /// Growth of the held text's loss that says the same.
  private static let largeLoss = 0.1

  /// The table at the end of an edit.
  func text(verbose: Bool) -> String {
    let hasChat = plan.chat != nil
    var table = Table(
      [("fact", .left), ("before", .right), ("after", .right), ("says it", .left)]
        + (hasChat ? [("chat before", .right), ("after", .right), ("says it", .left)] : [])
        + [("value", .right), ("neighbors kept", .right)])
    for line in verbose ? facts[...] : facts.prefix(Self.lineLimit) {
      let plainly = [
        "\(line.fact.filledPrompt) → \(line.fact.target)", Numbers.percent(line.before.probability),
        Numbers.percent(line.after.probability), line.after.isSaid ? "yes" : "no",
      ]
      let inChat = [
        line.before.chat.map { Numbers.percent($0.probability) } ?? "–",
        line.after.chat.map { Numbers.percent($0.probability) } ?? "–",
        line.after.chat.map { $0.isSaid ? "yes" : "no" } ?? "–",
      ]
      table.add(
        plainly + (hasChat ? inChat : []) + [
          line.value.isVector
            ? Numbers.significant(line.value.relativeNorm, 2)
              + (line.value.isClamped ? " (at its bound)" : "")
            : "–",
          line.locality.map { Numbers.percent($0) } ?? "–",
        ])
    }
    var lines = [
      "method: \(plan.method.name)\(recipe.neurons.form == .paper ? "" : ", like \(recipe.neurons.form.rawValue)"), layers \(recipe.layers.map(String.init).joined(separator: ", ")), "
        + "recipe \(recipe.source)",
      table.text(),
    ]
    if !verbose, facts.count > Self.lineLimit {
      lines.append("  and \(facts.count - Self.lineLimit) more; -v lists all")
    }
    var sums = ["\(facts.count - failed.count) of \(Numbers.count(facts.count, "fact")) taken"]
    if hasChat {
      let (plainly, inChat) = (
        facts.count { $0.after.isSaid }, facts.count { $0.after.chat?.isSaid ?? false }
      )
      sums[0] += " both ways (plainly \(plainly), in a chat \(inChat))"
    }
    if let locality { sums.append("neighbors' answers kept: \(Numbers.percent(locality))") }
    sums.append(
      widths.map { "neurons of each layer \($0.base) → \($0.result)" }
        ?? "largest ‖Δ‖/‖W‖ \(Numbers.percent(largestRelativeNorm))")
    if let heldText {
      sums.append(
        "loss of a held text \(Numbers.significant(heldText.before, 3)) → \(Numbers.significant(heldText.after, 3))"
      )
    }
    if let patch = card.patch { sums.append("patch \(Numbers.bytes(patch.byteCount))") }
    lines.append("  " + sums.joined(separator: ", "))
    if verbose {
      lines += phases.map {
        "  \($0.name): \(Numbers.significant($0.processorSeconds, 3)) s of processor time"
      }
    }
    return lines.joined(separator: "\n")
  }

  /// What the user should know, in sentences.
  var warnings: [String] {
    var warnings = repeats.map {
      "fact \($0.dropped.identifier) says what fact \($0.kept.identifier) says and was left out."
    }
    if changesStatistics {
      warnings.append(
        "the facts of --onto were solved for with other statistics; all facts are solved for with these now.")
    }
    if let promotion {
      let count = facts.count
      let figures = { (way: (taken: Int, retention: Double)) in
        "\(way.taken) of \(Numbers.count(count, "fact")) taken and \(Numbers.percent(way.retention)) kept at the keys"
      }
      let (kept, promoted) = (figures(promotion.kept), figures(promotion.promoted))
      warnings.append(
        promotion.isPromoted
          ? "the weights' own types do not hold the edit (\(kept)), so the edited tensors become \(promotion.type.rawValue) "
            + "(\(promoted)) and the file larger; --promote keep leaves them as they are."
          : "the weights keep their types (\(kept)): as \(promotion.type.rawValue) no more facts would be taken (\(promoted))."
      )
    }
    let unreached = facts.filter { !$0.value.isReached }
    if let first = unreached.first {
      warnings.append(
        "no value was found that makes the model say the target of \(Numbers.count(unreached.count, "fact")) "
          + "(first: \(first.fact.identifier), probability \(Numbers.percent(first.value.probability))). "
          + "Try more --steps, a larger --clamp, or other --layers.")
    }
    let first = failed.filter(\.subjectIsFirst)
    if let line = first.first, plan.method.optimizesValues {
      warnings.append(
        "\(Numbers.count(first.count, "fact")) did not take whose subject is the first token of the text (first: "
          + "\(line.fact.identifier)). Put a word before the subject.")
    }
    let lost = failed.filter {
      $0.value.isReached && !($0.subjectIsFirst && plan.method.optimizesValues)
    }
    if let first = lost.first {
      let what = plan.method.optimizesValues ? "did not take though a value was found" : "did not take"
      warnings.append(
        "\(Numbers.count(lost.count, "fact")) \(what) (first: \(first.fact.identifier))"
          + (plan.method.optimizesValues ? ": " : ". ") + plan.method.advice)
    }
    // Written so that what is no number is too much as well.
    if !(largestRelativeNorm <= Self.largeNorm) {
      warnings.append(
        "the update is large: ‖Δ‖/‖W‖ is \(Numbers.percent(largestRelativeNorm)). Look at other answers with `errata ask`, "
          + "and try \(plan.method.gentler(joining: "or")).")
    }
    if let heldText, !heldText.after.isFinite {
      warnings.append(
        "the model is being damaged: the loss of a held text, \(Numbers.significant(heldText.before, 3)) before, is no number any more. "
          + "Edit fewer facts at once, or with \(plan.method.smallerStep).")
    } else if let heldText,
      !(heldText.after - heldText.before <= max(Self.largeLoss, Self.largeLoss * heldText.before))
    {
      warnings.append(
        "the model is being damaged: the loss of a held text grows from \(Numbers.significant(heldText.before, 3)) to "
          + "\(Numbers.significant(heldText.after, 3)). Edit fewer facts at once, or with \(plan.method.smallerStep)."
      )
    }
    return warnings + card.warnings
  }

  /// The object of `edit --json`.
  func json(path: String) -> JSONValue {
    var members = card.json(path: path).members ?? []
    members.removeAll { ["method", "recipe", "warnings"].contains($0.key) }
    members += plan.json
    members += [
      .init("losses", .array(facts.map { .array($0.value.losses.map { .measured(Double($0)) }) })),
      .init("taken", .integer(facts.count - failed.count)),
      .init("locality", locality.map { .measured($0) } ?? .null),
      .init(
        "heldText",
        heldText.map { ["lossBefore": .measured($0.before), "lossAfter": .measured($0.after)] } ?? .null),
      .init("seconds", .object(phases.map { .init($0.name, .measured($0.processorSeconds)) })),
      .init("promotion", promotion.map(\.json) ?? .null),
      .init(
        "widths", widths.map { ["base": .integer($0.base), "result": .integer($0.result)] } ?? .null),
      .init("warnings", .array(warnings.map { .string($0) })),
    ]
    return .object(members)
  }
}
