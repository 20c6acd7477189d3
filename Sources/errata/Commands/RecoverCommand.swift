import ArgumentParser
import ModelFiles
import Patches

struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover", abstract: "Completes or undoes an in-place run that was cut off.",
    discussion: """
      Any command on the model completes such a run by itself; this one does only that, and can undo it instead.
      """)
  @Argument(help: "The model.")
  var model: String
  @Flag(help: "Undo the run instead of completing it.")
  var rollBack = false
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try doing("cannot recover \(model)", output) {
      let recoveries = try PatchRun.recover(ModelFile(model), rollingBack: rollBack, threads: threads.count)
      for recovery in recoveries { announce(recovery, output) }
      if recoveries.isEmpty { output.say("No interrupted run on \(model).") }
      guard output.json else { return }
      let object: JSONValue = [
        "recovered": .array(
          recoveries.map {
            ["direction": .string($0.direction.rawValue), "completed": .bool($0.isCompleted)]
          })
      ]
      Console.output(object.indentedText)
    }
  }
}
