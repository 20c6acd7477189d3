import ArgumentParser
import Floor
import ModelFiles
import Patches

/// Options for applying a patch to another form of its model.
struct PortOptions: ParsableArguments {
  enum Promote: String, ExpressibleByArgument, CaseIterable { case f16, bf16, q8_0, keep }

  @Flag(help: "The model is another form of the one that the patch was made from.")
  var port = false

  @Option(
    help: ArgumentHelp("With --port: write the patch that takes the change back.", valueName: "file"),
    completion: .file())
  var undo: String?

  @Option(help: "With --port: the type of touched tensors whose elements share scales.")
  var promote: Promote?

  func validate() throws {
    guard port || undo == nil && promote == nil else {
      throw ValidationError("--undo and --promote go with --port.")
    }
  }

  /// The type asked for; F16, which llama.cpp reads everywhere, where none is.
  var promotion: Promotion { promote.flatMap { Promotion(rawValue: $0.rawValue) } ?? .f16 }
}

/// Carries the patch over, writes the undo and applies that as any other patch.
func perform(
  _ port: PortOptions, _ change: ChangeOptions, _ threads: ThreadOptions, _ output: OutputOptions
) throws {
  try doing("cannot port \(change.patch) to the model in \(change.model)", output) {
    let rule = OutputRule(["-o": change.output, "--undo": change.dryRun ? nil : port.undo])
    try rule.check(inputs: [change.patch, change.trust.trust.trusted, change.trust.trust.signature])
    let patch = try PatchFile(change.patch)
    try requireChanges(of: patch, output)
    try patch.checkBlocks(threads: threads.count)
    // Opening completes a run in place that was cut off, which is no business of a patch that nobody trusts.
    if change.inPlace { _ = try change.trust.check(patch, output) }
    let model = try change.open(threads: threads.count, output)
    try rule.check(models: [model])
    if !change.inPlace { _ = try change.trust.check(patch, output) }
    let plan = try PortPlan(patch, model, promotion: port.promotion, threads: threads.count)
    if change.inPlace { try plan.requireSameLayout() }
    let bytes = plan.tensors.reduce(0) { $0 + $1.tensor.byteCount }
    let progress = Progress("port", total: (change.dryRun ? 1 : 3) * bytes, output)
    defer { progress.finish() }
    guard !change.dryRun, let path = port.undo else {
      let measures = try plan.measure(progress: progress.advance)
      progress.finish()
      return report(plan, measures, undo: nil, port, change, skipped: [], output)
    }
    let (undo, measures) = try plan.writeUndo(to: path, tool: Errata.tool, progress: progress.advance)
    let skipped: [String] = try plan.keeping(undo) {
      let run = try PatchRun(undo, model, threads: threads.count)
      guard let path = change.output else {
        try run.changeInPlace(.apply, progress: progress.advance)
        return []
      }
      return try run.write(.apply, to: path, progress: progress.advance)
    }
    progress.finish()
    warnOfModelSignature(change, output)
    report(plan, measures, undo: undo, port, change, skipped: skipped, output)
  }
}

private func report(
  _ plan: PortPlan, _ measures: [UpdateMeasure], undo: PatchFile?, _ port: PortOptions,
  _ change: ChangeOptions,
  skipped: [String], _ output: OutputOptions
) {
  let tensors = Numbers.count(plan.tensors.count, "tensor")
  output.answer(table(plan, measures))
  for ported in plan.tensors where ported.dropsDifference {
    output.say(
      "Left out: the difference that makes \(ported.source) exact for its own base; only the factors are ported."
    )
  }
  let files = plan.patch.beside.map { Numbers.oneLine($0.name) }.joined(separator: ", ")
  if !files.isEmpty {
    output.say("Left out: \(files) beside the weights; only the factors are ported.")
  }
  if let worst = measures.map(\.retention).min(), !(worst >= 0.9) {
    output.say(
      "Warning: rounding leaves \(Numbers.percent(worst)) of the update in some tensor."
        + (port.promotion == .keep || port.promotion == .q8_0 ? " --promote f16 keeps it." : ""))
  }
  if let undo {
    let place = change.output ?? change.model
    output.say(
      "Ported \(change.patch): \(tensors) changed"
        + (change.inPlace ? " in \(change.model)." : ". The new model is \(place)."))
    let target = plan.changesLayout ? "-o BACK" : "(-o BACK | --in-place)"
    output.say("To take it back: errata revert \(undo.path) \(place) \(target)")
  } else {
    output.say("Would port \(change.patch): \(tensors). Every check passed; nothing was written.")
  }
  if !skipped.isEmpty {
    output.say("Not copied, because they may hold unedited weights: \(skipped.joined(separator: ", ")).")
  }
  guard output.json else { return }
  Console.output(json(plan, measures, undo: undo, change, skipped: skipped).indentedText)
}

private func table(_ plan: PortPlan, _ measures: [UpdateMeasure]) -> String {
  var table = Table([
    ("tensor", .left), ("was", .left), ("is", .left), ("correlation", .right), ("‖Δ‖/‖W‖", .right),
    ("retention", .right), ("error", .right), ("at its keys", .right),
  ])
  for (ported, measure) in zip(plan.tensors, measures) {
    table.add([
      ported.tensor.name, ported.tensor.elementType.rawValue, ported.resultType.rawValue,
      Numbers.fixed(ported.correlation, 4), Numbers.percent(measure.relativeNorm),
      Numbers.percent(measure.retention), Numbers.percent(measure.relativeError),
      measure.keyRetention.map(Numbers.percent) ?? "–",
    ])
  }
  return table.text()
}

private func json(
  _ plan: PortPlan, _ measures: [UpdateMeasure], undo: PatchFile?, _ change: ChangeOptions, skipped: [String]
) -> JSONValue {
  let digests = Dictionary(
    uniqueKeysWithValues: undo?.changes.map { ($0.name, $0.resultDigest.hexadecimal) } ?? [])
  return [
    "direction": "apply", "ported": true, "written": .bool(undo != nil),
    "output": undo == nil ? .null : .string(change.output ?? change.model),
    "undo": undo.map { .string($0.path) } ?? .null,
    "bytes": .integer(plan.tensors.reduce(0) { $0 + $1.tensor.byteCount }),
    "tensors": .array(
      zip(plan.tensors, measures).map { ported, measure in
        [
          "name": .string(ported.tensor.name), "source": .string(ported.source),
          "bytes": .integer(ported.resultByteCount),
          "digest": digests[ported.tensor.name].map { .string($0) } ?? .null,
          "baseType": .string(ported.tensor.elementType.rawValue),
          "type": .string(ported.resultType.rawValue),
          "correlation": .measured(ported.correlation), "relativeNorm": .measured(measure.relativeNorm),
          "retention": .measured(measure.retention), "relativeError": .measured(measure.relativeError),
          "keyRetention": measure.keyRetention.map { .measured($0) } ?? .null,
          "dropsDifference": .bool(ported.dropsDifference),
        ]
      }),
    "notCopied": .array(skipped.map { .string($0) }),
  ]
}
