import Editing
import Floor
import Glibc
import ModelFiles
import Patches
import Transformer

/// Opens a model that a command reads: no run changes it meanwhile, and none was cut off on it.
///
/// - Parameter use: what the file must be for; any where `nil`.
/// - Throws: `locked` while a run changes it in place, `interruptedRun` where one was cut off. Reading completes nothing.
func openModel(
  _ path: String, for use: ModelFileError.FileUse? = .model, threads: Int, _ output: OutputOptions
) throws -> ModelFile {
  let model = try ModelFile(path)
  if let use { try model.require(use) }
  try model.lockForReading()
  if let run = try InterruptedRun.all(on: model).first {
    throw run.damage ?? PatchError.interruptedRun(journal: run.journal, model: path)
  }
  return model
}

/// Opens a model that a command only looks at; it says so where a run was cut off, and goes on.
func openModelToLookAt(_ path: String, _ output: OutputOptions) throws -> (ModelFile, [InterruptedRun]) {
  let model = try ModelFile(path)
  try model.lockForReading()
  let runs = try InterruptedRun.all(on: model)
  for run in runs {
    guard let damage = run.damage else {
      output.say(
        "Note: an interrupted \(run.direction?.rawValue ?? "run") is here (\(run.journal)). `errata recover \(path)` completes it, "
          + "with --roll-back undoes it.")
      continue
    }
    let explanation = ErrorReport.explain(damage)
    output.say(
      "Note: \(explanation.place ?? run.journal): \(explanation.why). If the model is as it should be, "
        + "`errata recover \(path) --discard` removes the journal.")
  }
  for journal in try InterruptedRun.closedJournals(on: model) {
    output.say(
      "Note: \(journal) is left of a run that is over; the model is whole. `errata recover \(path)` removes it."
    )
  }
  return (model, runs)
}

/// Opens a model that a command changes in place. A run on it that was cut off is completed first.
func openModelToChange(_ path: String, threads: Int, _ output: OutputOptions) throws -> ModelFile {
  let model = try ModelFile(path)
  for recovery in try PatchRun.recover(model, sameFilesOnly: true, threads: threads) {
    announce(recovery, output)
  }
  return model
}

extension InterruptedRun {
  /// For scripts: `interrupted[]` of `show` and `verify`.
  var json: JSONValue {
    [
      "journal": .string(journal), "direction": direction.map { .string($0.rawValue) } ?? .null,
      "usable": .bool(damage == nil),
    ]
  }
}

/// Says what became of an interrupted run.
func announce(_ recovery: PatchRun.Recovery, _ output: OutputOptions) {
  output.say(
    "Note: an interrupted \(recovery.direction.rawValue) was found and "
      + (recovery.isCompleted ? "completed." : "undone."))
}

/// Says so when second moments are not of this model, as far as can be known. They may well be of the model before another edit.
func warnOfOrigin(_ statistics: StatisticsFile, for model: ModelFile, _ output: OutputOptions) throws {
  if let documents = statistics.container.note("progress") {
    output.say(
      "Warning: \(statistics.container.path) is what an interrupted collection left, of \(documents) documents; `errata stats` with the same arguments goes on with it."
    )
  }
  if statistics.isDiagonal {
    output.say(
      "Warning: \(statistics.container.path) is an importance matrix: it says which inputs matter and nothing of directions, so that an edit "
        + "spreads further than with second moments of `errata stats`.")
  }
  switch try statistics.origin(for: model) {
  case .thisModel: break
  case .unnamed:
    output.say("Warning: \(statistics.container.path) does not say which model it was collected on.")
  case .otherModel:
    output.say("Warning: \(statistics.container.path) was collected on other weights than these.")
  }
}

/// Says so when a trace is not of this model. It may well be of the model before an edit.
func warnOfOrigin(ofTrace path: String, _ running: RunningModel, _ output: OutputOptions) throws {
  if try !TraceFile(path).isOf(model: running.network.model.fingerprint().hexadecimal) {
    output.say("Warning: \(path) was traced on other weights than these.")
  }
}

/// Refuses an output whose folder is missing, before any work is done for it.
func requireFolder(of output: String) throws {
  let folder = Folder.containing(output)
  guard !Folder.exists(folder) else { return }
  throw ModelFileError(.system(call: "open", code: Folder.occupied(folder) ? ENOTDIR : ENOENT), file: folder)
}
