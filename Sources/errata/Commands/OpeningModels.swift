import Editing
import Glibc
import ModelFiles
import Patches

/// Opens a model for a command. A run on it that was cut off is completed first.
///
/// - Parameter use: what the file must be for; any where `nil`.
func openModel(
  _ path: String, for use: ModelFileError.FileUse? = .model, threads: Int, _ output: OutputOptions
) throws -> ModelFile {
  let model = try ModelFile(path)
  if let use { try model.require(use) }
  for recovery in try PatchRun.recover(model, threads: threads) { announce(recovery, output) }
  return model
}

extension ModelFile {
  /// The files that the model is read from: its weights, and the index that joins them.
  var inputPaths: [String] { shards.map(\.path) + (indexPath.map { [$0] } ?? []) }
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
  switch try statistics.origin(for: model) {
  case .thisModel: break
  case .unnamed:
    output.say("Warning: \(statistics.container.path) does not say which model it was collected on.")
  case .otherModel:
    output.say("Warning: \(statistics.container.path) was collected on other weights than these.")
  }
}

/// Refuses an output whose folder is missing, before any work is done for it.
func requireFolder(of output: String) throws {
  let folder = Folder.containing(output)
  guard !Folder.exists(folder) else { return }
  throw ModelFileError(.system(call: "open", code: Folder.occupied(folder) ? ENOTDIR : ENOENT), file: folder)
}

/// Refuses an output that has no folder, or is one of the inputs: writing it would destroy what was asked about.
func requireDistinct(_ path: String, from inputs: [String]) throws {
  try requireFolder(of: path)
  guard let output = try? OpenFile(path, .reading) else { return }
  for input in inputs {
    if let file = try? OpenFile(input, .reading), file.isSameFile(as: output) {
      throw PatchError.outputIsInput(path: path)
    }
  }
}
