import ArgumentParser
import Floor
import ModelFiles
import Patches

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Says what a model is, seen from a patch.",
    discussion: """
      The answer is one of: base (the model before the patch), edited (after it), partial (some of each), other. \
      Exit status 0 for base and edited, else 2. Tensors decide; where the patch changes none, headers and files do.
      """)
  @Argument(help: "The patch.", completion: .file())
  var patch: String
  @Argument(help: "The model.", completion: .file())
  var model: String
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let state = try doing("cannot verify \(model) against \(patch)", output) {
      let patchFile = try PatchFile(patch)
      try patchFile.checkBlocks(threads: threads.count)
      let (file, interrupted) = try openModelToLookAt(model, output)
      let run: PatchRun
      do { run = try PatchRun(patchFile, file, threads: threads.count) } catch let error as PatchError {
        // A tensor that is missing or of another form is an answer here, not a failure.
        switch error {
        case .tensorMissing, .tensorMismatch: return answerForeign(error)
        default: throw error
        }
      }
      let progress = Progress("verify", total: run.touchedByteCount, output)
      defer { progress.finish() }
      let states = try run.examine(progress: progress.advance)
      progress.finish()
      var summary = try run.state(of: states)
      if summary == .other, try interrupted.contains(where: { try $0.explains(run) }) { summary = .partial }
      answer(summary, states, try run.examineBeside(), run, interrupted)
      return summary
    }
    if state == .partial || state == .other { throw ExitCode(2) }
  }

  /// The model has other tensors than the patch: which one was seen first.
  private func answerForeign(_ error: PatchError) -> ModelState {
    let explanation = ErrorReport.explain(error)
    output.answer("other: this is not a model that the patch knows")
    output.answer("  \(explanation.place ?? ""): \(explanation.why)")
    if output.json {
      let object: JSONValue = ["state": "other", "tensors": [], "why": .string(explanation.why)]
      Console.output(object.indentedText)
    }
    return .other
  }

  private func answer(
    _ summary: ModelState, _ states: [TensorState], _ files: [BesideState], _ run: PatchRun,
    _ interrupted: [InterruptedRun]
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
    if !interrupted.isEmpty { object.append(.init("interrupted", .array(interrupted.map(\.json)))) }
    Console.output(JSONValue.object(object).indentedText)
  }
}
