import ArgumentParser
import Editing
import Floor
import ModelFiles
import Patches

/// Options for applying a patch to another form of its model.
struct PortOptions: ParsableArguments {
  @Flag(help: "The model is another form of the one that the patch was made from.")
  var port = false

  @Option(
    help: ArgumentHelp("With --port: write the patch that takes the change back.", valueName: "file"),
    completion: .file())
  var undo: String?

  @Option(
    help:
      "With --port: what touched tensors in quantized blocks become: auto keeps their types and scales and chooses codes by what the edit is for, or, where these keep less than 95 % of it, stores F16; keep always stays (default: auto)."
  )
  var promote: StorageOptions.Promote?

  @Option(
    help: ArgumentHelp(
      "With --port: second moments of the model, by which codes are chosen (default: what the patch carries of its own).",
      valueName: "file"), completion: .file())
  var statistics: String?

  func validate() throws {
    guard port || undo == nil && promote == nil && statistics == nil else {
      throw ValidationError("--undo, --promote and --statistics go with --port.")
    }
  }

  /// The type asked for; `nil` where what codes keep decides.
  var promotion: Promotion? { promote.flatMap { Promotion(rawValue: $0.rawValue) } }
}

/// Carries the patch over, writes the undo and applies that as any other patch.
func perform(
  _ port: PortOptions, _ change: ChangeOptions, _ threads: ThreadOptions, _ output: OutputOptions
) throws {
  try doing("cannot port \(change.patch) to the model in \(change.model)", output) {
    let rule = OutputRule(["-o": change.output, "--undo": change.dryRun ? nil : port.undo])
    try rule.check(inputs: change.inputs + [port.statistics])
    let patch = try PatchFile(change.patch)
    try requireChanges(of: patch, output)
    try patch.checkBlocks(threads: threads.count)
    // Opening completes a run in place that was cut off, which is no business of a patch that nobody trusts.
    if change.inPlace { _ = try change.trust.check(patch, output) }
    let model = try change.open(threads: threads.count, output)
    try rule.check(models: [model])
    if !change.inPlace { _ = try change.trust.check(patch, output) }
    _ = try change.modelSignature.check(model, output)
    let statistics = try port.statistics.map { try StatisticsFile($0) }
    var plan = try PortPlan(patch, model, promotion: port.promotion ?? .keep, threads: threads.count)
    let bytes = plan.tensors.reduce(0) { $0 + $1.tensor.byteCount }
    let progress = Progress("port", total: (change.dryRun ? 2 : 4) * bytes, output)
    defer { progress.finish() }
    let notes = try plan.settle(port, statistics, progress: progress.advance)
    if change.inPlace { try plan.requireSameLayout() }
    for note in notes { output.say(note) }
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
    change.modelSignature.warn(change, output)
    report(plan, measures, undo: undo, port, change, skipped: skipped, output)
  }
}

extension PortPlan {
  /// Codes hold an edit that keeps this share of the wanted outputs at the keys.
  private static let leastShare = 0.95

  /// Chooses codes, and promotes where none may be chosen or they keep too little and nothing was asked for.
  ///
  /// - Returns: what is to be said of it.
  fileprivate mutating func settle(
    _ port: PortOptions, _ statistics: StatisticsFile?, progress: (Int) -> Void
  ) throws -> [String] {
    let blocks = tensors.filter { !$0.tensor.elementType.isEditable }
    guard !blocks.isEmpty, port.promotion == nil || port.promotion == .keep else {
      guard statistics == nil else {
        throw ValidationError(
          "--statistics chooses codes of quantized tensors that keep their types; here there are none. Leave it out"
            + (blocks.isEmpty ? "." : ", or take --promote keep."))
      }
      return []
    }
    var rounding = PortedRounding(patch, statistics: statistics)
    try chooseCodes(by: { try rounding?.objective(for: $0) }, progress: progress)
    var notes: [String] = []
    if let names = rounding?.unweighted, !names.isEmpty {
      notes.append(
        "Warning: the patch carries no second moment of \(names.joined(separator: ", ")), so that its codes are chosen as if all inputs were alike. --statistics FILE says better what to leave alone."
      )
    }
    let least = self.leastRetention
    if port.promotion == nil, least.map({ !($0 >= Self.leastShare) }) ?? true {
      notes.append(
        least.map {
          "Chosen codes keep \(Numbers.percent($0)) of the wanted outputs in some tensor; less than \(Numbers.percent(Self.leastShare)), so touched tensors become F16. --promote keep keeps their types."
        }
          ?? "The patch does not carry its edits' keys for all quantized tensors, so codes cannot be chosen by them and touched tensors become F16. --promote keep rounds each element by itself."
      )
      self = try PortPlan(patch, model, promotion: .f16, threads: threads)
    }
    return notes
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
  // Chosen codes hold the outputs at the keys, not the update itself.
  if let worst = zip(plan.tensors, measures).map({ $0.isChosen ? $1.keyRetention ?? 1 : $1.retention }).min(),
    !(worst >= 0.9)
  {
    output.say(
      "Warning: rounding leaves \(Numbers.percent(worst)) of the update in some tensor."
        + (plan.tensors.contains { $0.resultType.blockElementCount > 1 } ? " --promote f16 keeps it." : ""))
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
