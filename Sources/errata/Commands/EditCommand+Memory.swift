import ArgumentParser
import Editing
import Floor
import ModelFiles
import Patches
import Transformer

extension EditCommand {
  /// Refuses what is for editors of weights.
  func validateMemory(_ method: MemoryMethod) throws {
    let isOfStates = method.isOfStates
    if isOfStates, let steps = values.steps, steps < 1 {
      throw ValidationError("--steps takes a number above zero.")
    }
    let readsLayers = isOfStates || memory.embedding(of: method) != nil
    let weights =
      givenOptions.filter {
        $0 != "--method" && !(isOfStates && $0 == "--steps") && !(readsLayers && $0 == "--layers")
      }
      + [
        ("--batch", sequence.batch != nil), ("--sequence accumulate", sequence.sequence == .accumulate),
        ("--norm-anchor", sequence.normAnchor), ("--record-cost", storage.recordCost),
        ("--system", chat.system != nil), ("--save-statistics", saveStatistics != nil),
      ].filter(\.1).map(\.0)
    if let option = weights.first {
      throw ValidationError("\(option) does not apply to \(method.name), which leaves the weights alone.")
    }
    if editor != nil, method.trainedKind == nil {
      throw ValidationError("\(method.name) applies no trained editor: --editor does not apply.")
    }
    if method.trainedKind != nil, editor == nil, sequence.onto == nil {
      throw ValidationError(
        "\(method.name) needs --editor FILE, which `errata train --editor \(method.trainedKind!)` makes.")
    }
    guard method.asksSecondModel else {
      guard !second.isGiven else {
        throw ValidationError("--counterfactual does not apply to \(method.name), whose own model answers.")
      }
      return try memory.requireUse(by: method)
    }
    guard second.counterfactual.count == 1 || !second.isGiven && sequence.onto != nil else {
      throw ValidationError(
        "\(method.name) needs --counterfactual MODEL, once: the model that answers where its facts speak (serac-self needs none)."
      )
    }
    try memory.requireUse(by: method)
  }

  /// The method of a memory that is gone on with; `nil` for a patch of weights.
  func memoryMethod(onto patch: PatchFile?) throws -> MemoryMethod? {
    guard let patch, let last = patch.memory?.parts.last?.method else {
      if second.isGiven { throw EditError.optionNeeds("--counterfactual", other: MethodChoice.memories) }
      if let option = memory.given.first { throw EditError.optionNeeds(option, other: MethodChoice.memories) }
      return nil
    }
    if let other = method.method {
      throw EditError.optionOfAnotherMethod("--onto \(patch.path), a memory,", method: other)
    }
    return MemoryMethod(name: last) ?? .ike
  }

  /// Makes a memory, by itself or from the patch of --onto.
  func remember(_ method: MemoryMethod) throws {
    let running = try RunningModel(model, threads: threads.count, messages)
    let file = memory.demonstrations.flatMap { Int($0) == nil ? $0 : nil }
    try OutputRule(["-o": output]).check(
      inputs: [facts.path, sequence.onto, file, editor] + second.counterfactual,
      models: [running.network.model])
    let onto = try sequence.onto.map { try PatchFile($0) }
    if let onto, onto.memory == nil { throw EditError.noStoredEdits(file: onto.path, missing: "memory") }
    try remember(method, onto: onto, running)
  }

  /// Makes a memory, or takes facts from one and adds others.
  func remember(_ method: MemoryMethod, onto earlier: PatchFile?, _ running: RunningModel) throws {
    try validateMemory(method)
    let records = try facts.read(needsSubject: false, messages)
    var edit = MemoryEdit(
      method, of: records, for: LanguageModel(network: running.network, tokenizer: running.tokenizer))
    let last = earlier?.memory?.parts.last { $0.method == method.name }
    if method.isOfStates {
      guard values.layers?.trace == nil, values.layers?.numbers.count ?? 1 == 1 else {
        throw EditError.optionNeeds(
          "--layers of several", other: "methods that change weights; \(method.name) takes one")
      }
      edit.layer = values.layers?.numbers.first
      edit.layer = edit.layer ?? last?.route.layer
    }
    edit.radius = memory.radius ?? (memory.like == .released ? 1 : nil)
    edit.steps = values.steps ?? edit.steps
    edit.isReleased = memory.like == .released
    edit.side = memory.side
    edit.embedding = memory.embedding(of: method, last: last?.route)
    if let bySubject = edit.embedding?.bySubject, let layers = values.layers {
      try layers.requireNumbers()
      let numbers = layers.numbers.sorted()
      edit.embedding?.states =
        bySubject ? StateChoice(layers: [], ends: numbers) : StateChoice(layers: numbers)
    }
    edit.route = memory.told ?? last?.route ?? method.route
    if let kind = method.trainedKind {
      let learned = try editor.map { try LearnedEditor($0) }
      if let learned, learned.kind != kind {
        throw EditError.editorOfOtherMethod(file: editor!, kind: learned.kind, method: method.name)
      }
      edit.scopes = learned.map { .trained($0) } ?? .earlier
    }
    edit.action = memory.action(of: method, last: last?.action)
    for path in second.counterfactual {
      let answering = try RunningModel(path, threads: threads.count, messages)
      edit.action = edit.action.asking(try answering.network.model.digest(threads: threads.count))
    }
    edit.demonstrations = try memory.demonstrations(records, of: method)
    edit.earlier = earlier
    edit.dropped = sequence.drop
    show(try edit.write(to: output!, tool: Errata.tool), method)
  }

  private func show(_ report: MemoryEdit.Report, _ method: MemoryMethod) {
    if report.replaced > 0 {
      messages.say("\(Numbers.count(report.replaced, "fact")) gave way to a later one with the same prompt.")
    }
    if report.trainedAnew > 0 {
      messages.say(
        "\(Numbers.count(report.trainedAnew, "side weight")) had facts that are gone, and \(report.trainedAnew == 1 ? "was" : "were") trained anew from those that are left."
      )
    }
    if let kept = report.separation {
      messages.say(
        "Of the facts' own probes \(kept.found) of \(Numbers.count(kept.paraphrases, "paraphrase")) find their fact, \(kept.passed) of \(Numbers.count(kept.others, "other prompt")) find none."
      )
    }
    if memory.demonstrations.map({ $0 != "0" }) ?? false, report.demonstrations.upperBound == 0 {
      messages.say(
        "There are no demonstrations: the facts have no others beside them. --demonstrations FILE takes them from further records."
      )
    }
    for (fact, instead) in report.unreached.prefix(messages.verbose ? .max : 5) {
      messages.say(
        "Warning: “\(Numbers.oneLine(fact.filledPrompt))” \(method.isOfStates ? "is not followed by its fact" : "does not lead to its fact")"
          + (instead.map { " but to “\(Numbers.oneLine($0.statement))”" } ?? "") + ".")
    }
    if report.unreached.count > 5, !messages.verbose {
      messages.say("Warning: and \(report.unreached.count - 5) more (-v shows all).")
    }
    messages.answer(Shown.memory(report.patch).joined(separator: "\n"))
    messages.say(
      "The patch is \(output!). It leaves the model's files alone: ask and eval take it with --patch, `errata export` gives it to other programs."
    )
    guard messages.json else { return }
    let object: JSONValue = [
      "patch": .string(output!), "digest": .string(report.patch.digest.hexadecimal),
      "bytes": .integer(report.patch.byteCount), "method": .string(method.name),
      "facts": .integer(report.factCount), "replaced": .integer(report.replaced),
      "demonstrations": [
        .integer(report.demonstrations.lowerBound), .integer(report.demonstrations.upperBound),
      ],
      "unreached": .array(report.unreached.map { .string($0.fact.identifier) }),
      "probes": report.separation.map {
        [
          "paraphrases": .integer($0.paraphrases), "found": .integer($0.found), "others": .integer($0.others),
          "passed": .integer($0.passed),
        ]
      } ?? .null,
    ]
    Console.output(object.indentedText)
  }
}
