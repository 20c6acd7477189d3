import ArgumentParser
import ModelFiles
import Patches

struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover", abstract: "Completes or undoes an in-place run that was cut off.",
    discussion: """
      A run that was cut off left a journal beside the model. Commands that only read the model say so; the next one that \
      changes it in place completes the run first. This command does only that, and can undo the run instead.

      Nothing is written unless every touched tile is as before the run, as after it, or torn between the two with its old \
      bytes in the journal. A journal that is damaged, or of other files than these, is removed by --discard, and the model \
      left as it is.

      Temporary files of killed runs in a folder, or beside an output of that name, are removed too.
      """)
  @Argument(help: "The model; or a folder, or the output of a killed run.", completion: .file())
  var model: String
  @Flag(help: "Undo the run instead of completing it.")
  var rollBack = false
  @Flag(help: "Remove the journal and leave the model as it is.")
  var discard = false
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if rollBack, discard { throw ValidationError("Give one of --roll-back and --discard.") }
  }

  func run() throws {
    try doing("cannot recover \(model)", output) {
      let discarded = try discard ? discardJournals() : []
      let closed = try discard ? [] : removeClosed()
      let recoveries = try discard ? [] : recover()
      let leftovers = try Leftover.all(of: model)
      let removed = leftovers.filter { $0.remove() }.map(\.path)
      for path in removed { output.say("Removed \(path), which a killed run left.") }
      for path in leftovers.map(\.path) where !removed.contains(path) {
        output.say("Warning: \(path) of a killed run could not be removed.")
      }
      if recoveries.isEmpty, discarded.isEmpty, leftovers.isEmpty, closed.isEmpty {
        output.say("No interrupted run on \(model).")
      }
      guard output.json else { return }
      let object: JSONValue = [
        "recovered": .array(
          recoveries.map {
            ["direction": .string($0.direction.rawValue), "completed": .bool($0.isCompleted)]
          }),
        "discarded": .array(discarded.map { .string($0) }),
        "removed": .array((closed + removed).map { .string($0) }),
      ]
      Console.output(object.indentedText)
    }
  }

  /// Removes journals of runs that are over, and says so.
  private func removeClosed() throws -> [String] {
    guard let file = try? ModelFile(model) else { return [] }
    let closed = try InterruptedRun.removeClosed(on: file)
    for path in closed { output.say("Removed \(path): its run is over, the model is whole.") }
    return closed
  }

  /// Settles every run on the model; on a folder that is no one model, those of every model in it.
  private func recover() throws -> [PatchRun.Recovery] {
    var recoveries: [PatchRun.Recovery] = []
    for file in try models() {
      let found = try PatchRun.recover(file, rollingBack: rollBack, threads: threads.count)
      for recovery in found { announce(recovery, output) }
      recoveries += found
    }
    return recoveries
  }

  private func models() throws -> [ModelFile] {
    let isFolder = Folder.exists(model)
    do throws(ModelFileError) { return [try ModelFile(model)] } catch {
      switch error.reason {
      case .noModelInFolder, .severalModelsInFolder:
        return try InterruptedRun.all(in: model).map { run in
          if let damage = run.damage { throw damage }
          return try ModelFile(run.modelPath ?? model)
        }
      case .system(_, let code) where try code == 2 && !isFolder && !(Leftover.all(of: model)).isEmpty:
        return []
      // The output of a killed run need be no model: a patch, a signature, a page.
      case .otherContent where Folder.fileExists(model), .unknownFormat where Folder.fileExists(model):
        return []
      default: throw error
      }
    }
  }

  private func discardJournals() throws -> [String] {
    let runs =
      if let file = try? ModelFile(model) { try InterruptedRun.all(on: file) } else {
        try InterruptedRun.all(in: model)
      }
    for run in runs {
      try run.discard()
      output.say("Removed \(run.journal). The model was left as it is.")
    }
    return runs.map(\.journal)
  }
}
