import ArgumentParser
import Floor
import Glibc
import ModelFiles
import Patches

/// Options that apply and revert share.
struct ChangeOptions: ParsableArguments {
  @Argument(help: "The patch.", completion: .file())
  var patch: String

  @Argument(help: "The model.", completion: .file())
  var model: String

  @Option(
    name: .shortAndLong, help: "Write a new model here; the given one is only read.", completion: .file())
  var output: String?

  @Flag(help: "Change the model's own files, under a journal: a kill or power cut loses nothing.")
  var inPlace = false

  @Flag(help: "Check everything and say what would change; write nothing.")
  var dryRun = false

  @OptionGroup var trust: RequiredTrustOptions
  @OptionGroup var modelSignature: ModelSignatureOptions

  @Flag(help: "Leave the files beside the weights as they are, though the patch changes them too.")
  var weightsOnly = false

  @Flag(help: "Note the run in a record beside the model, for `errata log`.")
  var record = false

  /// Files that are read beside the model.
  var inputs: [String?] { [patch, trust.trust.trusted, trust.trust.signature, modelSignature.modelKey] }

  /// Opens the model for what is to be done with it.
  func open(threads: Int, _ messages: OutputOptions) throws -> ModelFile {
    try inPlace
      ? openModelToChange(model, threads: threads, messages) : openModel(model, threads: threads, messages)
  }

  func validate() throws {
    guard [output != nil, inPlace, dryRun].count(where: { $0 }) == 1 else {
      throw ValidationError("Give one of -o OUT, --in-place and --dry-run.")
    }
    if dryRun, record { throw ValidationError("--record notes what was done, and --dry-run does nothing.") }
  }
}

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Applies a patch to the model it was made from.",
    discussion: """
      Every touched tensor is checked before a byte is written: the wrong model is refused. The result is, bit for bit, \
      the one that the patch records.

      --port takes the low-rank part of a patch to another form of its model: from safetensors to GGUF and back, to \
      another element type. Family, shapes and a sample of the weights are compared instead of digests. The result is no \
      longer the one that the patch records, so --undo FILE writes a patch of this very model: `errata revert FILE` takes \
      the change back, bit for bit. Rounded to the nearest codes of a quantized tensor an edit is lost; where the patch \
      carries what `edit` made it from, codes are chosen by it, types and sizes stay, and --in-place is possible. Where \
      that does not hold the edit, and for other patches, touched tensors become F16 unless --promote says otherwise; then a \
      new file is needed (-o), for the revert too.

      Examples:
        errata apply fix.errata model.safetensors -o fixed.safetensors
        errata apply fix.errata llama/ --in-place
        errata apply fix.errata llama-q4_k.gguf --port --undo undo.errata -o fixed.gguf
        errata revert undo.errata fixed.gguf -o back.gguf
      """)
  @OptionGroup var change: ChangeOptions
  @OptionGroup var port: PortOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard port.undo != nil || !port.port || change.dryRun else {
      throw ValidationError("--port needs --undo FILE: the result is not the one that the patch records.")
    }
    if port.port, change.record {
      throw ValidationError("--record notes what a patch records of its result; with --port that is another.")
    }
  }

  func run() throws {
    if port.port {
      try perform(port, change, threads, output)
    } else {
      try perform(.apply, change, threads, output)
    }
  }
}

struct RevertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revert", abstract: "Takes a patch back: gives exactly the model before it.",
    discussion: """
      The patch itself carries what reverting needs. The result is, bit for bit, the model that the patch was made from.

      Examples:
        errata revert fix.errata fixed.safetensors -o model.safetensors
        errata revert fix.errata llama/ --in-place
      """)
  @OptionGroup var change: ChangeOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws { try perform(.revert, change, threads, output) }
}

/// Refuses a patch that changes no file, and says so of one that has more than changes.
func requireChanges(of patch: PatchFile, _ output: OutputOptions) throws {
  guard let memory = patch.memory else { return }
  guard !patch.changes.isEmpty || !patch.beside.isEmpty || patch.changesLayout else {
    throw PatchError.onlyMemory(patch: patch.path)
  }
  output.say(
    "\(patch.path) also has a memory of \(Numbers.count(memory.factCount, "fact")), which no weights hold: it is read by ask and eval."
  )
}

/// Both ways are one piece of work.
private func perform(
  _ direction: PatchRun.Direction, _ change: ChangeOptions, _ threads: ThreadOptions, _ output: OutputOptions
) throws {
  let preposition = direction == .apply ? "to" : "from"
  let action = "cannot \(direction.rawValue) \(change.patch) \(preposition) the model in \(change.model)"
  try doing(action, output) {
    let rule = OutputRule(["-o": change.output])
    try rule.check(inputs: change.inputs)
    let patch = try PatchFile(change.patch)
    try requireChanges(of: patch, output)
    // Opening completes a run in place that was cut off, which is no business of a patch that nobody trusts.
    var signer = change.inPlace ? try change.trust.check(patch, output) : nil
    let model = try change.open(threads: threads.count, output)
    try rule.check(models: [model])
    if !change.inPlace { signer = try change.trust.check(patch, output) }
    let signed = try change.modelSignature.check(model, output)
    if change.record { try PatchRecord.requireUsable(of: model) }
    let run = try PatchRun(patch, model, threads: threads.count, weightsOnly: change.weightsOnly)
    let passes = change.dryRun ? 1 : 2
    let progress = Progress(direction.rawValue, total: passes * run.touchedByteCount, output)
    defer { progress.finish() }
    var skipped: [String] = []
    if change.inPlace {
      try run.changeInPlace(direction, progress: progress.advance)
    } else if let path = change.output {
      skipped = try run.write(direction, to: path, progress: progress.advance)
    } else {
      try run.check(direction, progress: progress.advance)
    }
    progress.finish()
    try keepRecord(of: run, direction, change, signer, output)
    if direction == .apply { change.modelSignature.warn(change, output) }
    report(direction, change, run, skipped: skipped, signer, signed, output)
  }
}

/// Adds the run to the record of the model that it led to, where that is asked for.
private func keepRecord(
  of run: PatchRun, _ direction: PatchRun.Direction, _ change: ChangeOptions, _ signer: TrustOptions.Answer?,
  _ output: OutputOptions
) throws {
  guard change.record, !change.dryRun else { return }
  let path = try PatchRecord.add(
    run, direction, to: ModelFile(change.output ?? change.model),
    earlier: change.output == nil ? nil : run.model, time: time(nil), tool: Errata.tool,
    signer.map { [.init("signature", $0.json)] } ?? [])
  output.say("Noted in \(path).")
}

private func report(
  _ direction: PatchRun.Direction, _ change: ChangeOptions, _ run: PatchRun, skipped: [String],
  _ signer: TrustOptions.Answer?, _ signed: ModelSignatureOptions.Answer?, _ output: OutputOptions
) {
  let tensors = Numbers.count(run.patch.changes.count, "tensor")
  let what = "\(tensors), \(Numbers.bytes(run.touchedByteCount))"
  let done = direction == .apply ? "Applied" : "Reverted"
  if change.dryRun {
    output.say(
      "Would \(direction.rawValue) \(change.patch): \(what). Every check passed; nothing was written.")
  } else if let path = change.output {
    output.say("\(done) \(change.patch): \(what) changed, digests checked. The new model is \(path).")
  } else {
    output.say("\(done) \(change.patch) in place: \(what) changed in \(change.model), digests checked.")
  }
  let files = run.patch.beside.map { Numbers.oneLine($0.name) }.joined(separator: ", ")
  if !files.isEmpty {
    output.say(run.weightsOnly ? "Left as they are: \(files)." : "Beside the weights: \(files).")
  }
  if !skipped.isEmpty {
    output.say("Not copied, because they may hold unedited weights: \(skipped.joined(separator: ", ")).")
  }
  guard output.json else { return }
  let object: JSONValue = [
    "direction": .string(direction.rawValue),
    "written": .bool(!change.dryRun),
    "output": (change.output ?? (change.inPlace ? change.model : nil)).map { .string($0) } ?? .null,
    "bytes": .integer(run.touchedByteCount),
    "tensors": .array(
      run.patch.changes.map { tensor in
        [
          "name": .string(tensor.name), "bytes": .integer(tensor.byteCount),
          "digest": .string((direction == .apply ? tensor.resultDigest : tensor.baseDigest).hexadecimal),
        ]
      }),
    "files": .array(run.beside.map { .string($0.name) }),
    "notCopied": .array(skipped.map { .string($0) }),
    "signature": signer?.json ?? .null,
    "modelSignature": signed?.json ?? .null,
  ]
  Console.output(object.indentedText)
}
