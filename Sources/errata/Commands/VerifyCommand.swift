import ArgumentParser
import Floor
import ModelFiles
import Patches

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Says what a model is, seen from a patch, and who signed the patch.",
    discussion: """
      The answer is one of: base (the model before the patch), edited (after it), partial (some of each), other. \
      Exit status 0 for base and edited, else 2. Tensors decide; where the patch changes none, headers and files do.

      Of several patches it says which the model carries, in their order, and which come next; 0 when the model is the one \
      that those applied lead to, or the base of one.

      --trusted asks who signed the patch; without a model nothing else is asked. A patch that is not signed by one who is \
      trusted gives 2.

      Examples:
        errata verify fix.errata llama/
        errata verify monday.errata tuesday.errata llama/
        errata verify fix.errata --trusted allowed_signers
      """)
  @Argument(help: "The patch, or several, and then the model.", completion: .file())
  var files: [String]
  @OptionGroup var trust: TrustOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  private var patches: [String] { isAboutModel ? files.dropLast() : files }
  private var patch: String { files[0] }
  private var model: String { files[files.count - 1] }

  /// Whether the last file is the model: a patch is none.
  private var isAboutModel: Bool {
    files.count > 1 || trust.trusted == nil
  }

  func validate() throws {
    guard files.count > 1 || trust.trusted != nil else {
      throw ValidationError("Give a patch and a model; or a patch and --trusted FILE.")
    }
    guard trust.signature == nil || trust.trusted != nil && patches.count == 1 else {
      throw ValidationError("--signature goes with --trusted and one patch.")
    }
  }

  func run() throws {
    let names = patches.joined(separator: ", ")
    let action = isAboutModel ? "cannot verify \(model) against \(names)" : "cannot verify \(names)"
    let isGood = try doing(action, output) {
      let opened = try patches.map { path in
        let file = try PatchFile(path)
        try file.checkBlocks(threads: threads.count)
        return file
      }
      let signatures = try opened.map { try SignatureAnswer($0, trust) }
      for answer in signatures { if let answer { output.answer(answer.text) } }
      let isTrusted = signatures.allSatisfy { $0?.isTrusted ?? true }
      guard isAboutModel else {
        if output.json {
          let object: JSONValue = ["state": .null, "signature": signatures[0]?.json ?? .null]
          Console.output(object.indentedText)
        }
        return isTrusted
      }
      if opened.count > 1 {
        let (file, _) = try openModelToLookAt(model, output)
        let stack = try StackAnswer(opened, file, threads.count, output)
        stack.print(signatures.map { $0?.json ?? .null }, output)
        return stack.isWhole && isTrusted
      }
      let state = try examine(opened[0], signatures[0]?.json ?? .null)
      return isTrusted && state != .partial && state != .other
    }
    if !isGood { throw ExitCode(2) }
  }

  private func examine(_ patchFile: PatchFile, _ signature: JSONValue) throws -> ModelState {
    let (file, interrupted) = try openModelToLookAt(model, output)
    if let memory = patchFile.memory, patchFile.changes.isEmpty {
      return try answer(memory, for: file, signature)
    }
    let run: PatchRun
    do { run = try PatchRun(patchFile, file, threads: threads.count) } catch let error as PatchError {
      // A tensor that is missing or of another form is an answer here, not a failure.
      switch error {
      case .tensorMissing, .tensorMismatch: return answerForeign(error, signature)
      default: throw error
      }
    }
    let progress = Progress("verify", total: run.touchedByteCount, output)
    defer { progress.finish() }
    let states = try run.examine(progress: progress.advance)
    progress.finish()
    var summary = try run.state(of: states)
    if summary == .other, try interrupted.contains(where: { try $0.explains(run) }) { summary = .partial }
    answer(summary, states, try run.examineBeside(), run, interrupted, signature)
    return summary
  }

  /// Of a memory alone: whether this is the model that it was made for. No file of it ever changes, so it is never edited.
  private func answer(
    _ memory: MemorySection, for file: ModelFile, _ signature: JSONValue
  ) throws -> ModelState {
    let isOwn =
      try memory.base.model.map { try $0 == file.digest(threads: threads.count) }
      ?? (memory.base.fingerprint == file.fingerprint())
    let other =
      memory.isBound
      ? "other: the memory is of another model's states, and means nothing here"
      : "other: the memory was made for another model; its facts are text, and can be read with this one too"
    output.answer(isOwn ? "base: the memory was made for this model, whose files it leaves alone" : other)
    if output.json {
      let object: JSONValue = [
        "state": .string(isOwn ? "base" : "other"), "tensors": [], "files": [],
        "bound": .bool(memory.isBound), "signature": signature,
      ]
      Console.output(object.indentedText)
    }
    return isOwn ? .base : .other
  }

  /// The model has other tensors than the patch: which one was seen first.
  private func answerForeign(_ error: PatchError, _ signature: JSONValue) -> ModelState {
    let explanation = ErrorReport.explain(error)
    output.answer("other: this is not a model that the patch knows")
    output.answer("  \(explanation.place ?? ""): \(explanation.why)")
    if output.json {
      let object: JSONValue = [
        "state": "other", "tensors": [], "why": .string(explanation.why), "signature": signature,
      ]
      Console.output(object.indentedText)
    }
    return .other
  }

  private func answer(
    _ summary: ModelState, _ states: [TensorState], _ files: [BesideState], _ run: PatchRun,
    _ interrupted: [InterruptedRun], _ signature: JSONValue
  ) {
    let sentence =
      switch summary {
      case .base: "base: the model is as before the patch"
      case .edited: "edited: the patch is applied"
      case .partial: "partial: some of the patch is applied"
      case .other: "other: this is not a model that the patch knows"
      }
    output.answer(sentence)
    if !states.isEmpty, output.verbose || summary == .partial || summary == .other {
      var table = Table([
        ("tensor", .left), ("state", .left), ("base tiles", .right), ("edited tiles", .right), ("of", .right),
      ])
      for state in states {
        table.add(
          [
            state.name, state.state.rawValue, "\(state.baseTiles)", "\(state.editedTiles)",
            "\(state.tileCount)",
          ])
      }
      output.answer(table.text())
    }
    for file in files where output.verbose || summary == .partial || summary == .other {
      output.answer("  \(Numbers.oneLine(file.name)): \(file.state.rawValue)")
    }
    guard output.json else { return }
    var object: [JSONValue.Member] = [
      .init("state", .string(summary.rawValue)),
      .init(
        "tensors",
        .array(
          zip(states, run.patch.changes).map { state, change in
            [
              "name": .string(state.name), "state": .string(state.state.rawValue),
              "digest": .string(state.digest.hexadecimal),
              "baseDigest": change.before.map { .string($0.digest.hexadecimal) } ?? .null,
              "resultDigest": change.after.map { .string($0.digest.hexadecimal) } ?? .null,
              "baseTiles": .integer(state.baseTiles), "editedTiles": .integer(state.editedTiles),
              "tiles": .integer(state.tileCount),
            ]
          })),
      .init("files", .array(files.map { ["name": .string($0.name), "state": .string($0.state.rawValue)] })),
    ]
    object.append(.init("signature", signature))
    if !interrupted.isEmpty { object.append(.init("interrupted", .array(interrupted.map(\.json)))) }
    Console.output(JSONValue.object(object).indentedText)
  }
}
