import ArgumentParser
import Editing
import Floor
import LinearAlgebra
import ModelFiles
import Patches

struct CombineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "combine", abstract: "Makes one patch of several.",
    discussion: """
      A stack, where each patch starts from the result of the one before, becomes one patch from the first base to the \
      last result. Patches of one base are added: as they are when they touch different tensors, by adding their low-rank \
      updates where they touch the same ones. Where a tensor is touched twice the model is needed.

      Each fact keeps how it was made: recipes that differ stand in parts, identifiers that are taken get a number. What \
      edits can be solved for again with (edit --onto, --drop) is not taken over, since a sum is no joint solution.

      Example:
        errata combine monday.errata tuesday.errata --model model.safetensors -o both.errata
      """)
  @Argument(help: "Patches, in the order of their application.", completion: .file())
  var patches: [String]
  @Option(help: "The model before all of them.", completion: .file())
  var model: String?
  @Option(name: .shortAndLong, help: "The combined patch.", completion: .file())
  var output: String
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    guard patches.count > 1 else { throw ValidationError("Give at least two patches.") }
  }

  func run() throws {
    try doing("cannot combine \(patches.joined(separator: " and "))", messages) {
      let rule = OutputRule(["-o": output])
      try rule.check(inputs: patches)
      let files = try patches.map { path in
        let file = try PatchFile(path)
        try file.checkBlocks(threads: threads.count)
        return file
      }
      try BLASLibrary.load()
      let base = try model.map { try openModel($0, threads: threads.count, messages) }
      try rule.check(models: base.map { [$0] } ?? [])
      let differences = try PlanDifference.all(among: files)
      let outcome = try PatchCombination(files, base: base, threads: threads.count)
        .write(to: output, tool: Errata.tool)
      try messages.answer(Shown.patch(outcome.patch, verbose: messages.verbose).text)
      for interaction in outcome.interactions { messages.answer("  " + words(for: interaction)) }
      for conflict in outcome.roundings {
        messages.say(
          "\(Numbers.oneLine(conflict.tensor)): rounded \(words(for: conflict.used)), as the first patch says; otherwise in "
            + "\(conflict.others.joined(separator: ", ")).")
      }
      if !outcome.unresolved.isEmpty {
        messages.say(
          "Not taken over: what the edits can be solved for again with (edit --onto, --drop), of "
            + "\(outcome.unresolved.joined(separator: ", ")).")
      }
      for difference in differences { messages.say(difference.words) }
      messages.say("The patch is \(output): \(files.count) patches, \(words(for: outcome.relation)).")
      report(outcome, differences)
    }
  }

  /// Something in which the plans of two patches differ: their facts are edited in different ways.
  private struct PlanDifference {
    let first: String
    let second: String
    let difference: PlanIdentity.Difference

    /// What differs from the first patch that has a plan. What a later patch of a stack starts from is not how it was made.
    static func all(among files: [PatchFile]) throws -> [PlanDifference] {
      let plans = try files.compactMap { file in try EditPlan.of(file).map { (file.path, $0.identity) } }
      guard let first = plans.first else { return [] }
      return plans.dropFirst().flatMap { other in
        first.1.differences(from: other.1).filter { $0.key != "model" }
          .map { PlanDifference(first: first.0, second: other.0, difference: $0) }
      }
    }

    var words: String {
      func shown(_ value: String) -> String { value.isEmpty ? "not there" : Quote.plain(value, limit: 60) }
      return "Made differently: \(difference.key) is \(shown(difference.found)) in \(first), "
        + "\(shown(difference.wanted)) in \(second); each fact keeps its own."
    }

    var json: JSONValue {
      [
        "key": .string(difference.key), "patches": .array([.string(first), .string(second)]),
        "values": .array([.string(difference.found), .string(difference.wanted)]),
      ]
    }
  }

  private func words(for interaction: PatchCombination.Interaction) -> String {
    // Of two patches everybody knows which.
    let pair = patches.count > 2 ? " (\(interaction.patches.joined(separator: ", ")))" : ""
    func number(_ cosine: Double?) -> String { cosine.map { Numbers.significant($0, 3) } ?? "–" }
    return
      "\(Numbers.oneLine(interaction.tensor))\(pair): cosine of the updates \(number(interaction.updateCosine)), "
      + "of their nearest keys \(number(interaction.keyCosine))"
  }

  private func words(for rounding: TensorChange.Rounding) -> String {
    switch rounding {
    case .nearest: "to the nearest"
    case .stochastic(let seed): "stochastically with seed \(seed)"
    case .aware: "by the edits' objective"
    }
  }

  private func words(for relation: PatchCombination.Relation) -> String {
    switch relation {
    case .separate: "which touch different tensors"
    case .stack: "a stack; it leads from the first base to the last result"
    case .siblings: "whose updates of one base were added"
    }
  }

  private func report(_ outcome: PatchCombination.Outcome, _ differences: [PlanDifference]) {
    guard messages.json else { return }
    let patch = outcome.patch
    let object: JSONValue = [
      "patch": .string(output), "digest": .string(patch.digest.hexadecimal),
      "bytes": .integer(patch.byteCount),
      "relation": .string(outcome.relation.rawValue),
      "interactions": .array(
        outcome.interactions.map {
          [
            "tensor": .string($0.tensor), "patches": .array($0.patches.map { .string($0) }),
            "updateCosine": $0.updateCosine.map { .measured($0) } ?? .null,
            "keyCosine": $0.keyCosine.map { .measured($0) } ?? .null,
          ]
        }),
      "roundingConflicts": .array(
        outcome.roundings.map {
          [
            "tensor": .string($0.tensor), "used": .string($0.used.label),
            "others": .array($0.others.map { .string($0) }),
          ]
        }),
      "planDifferences": .array(differences.map(\.json)),
      "unresolved": .array(outcome.unresolved.map { .string($0) }),
      "tensors": .array(
        patch.changes.map { ["name": .string($0.name), "change": .string($0.label)] }),
    ]
    Console.output(object.indentedText)
  }
}
