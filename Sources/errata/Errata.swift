import ArgumentParser
import Glibc

/// The command. Subcommands parse, call the modules below, and report; no arithmetic lives here.
@main
struct Errata: ParsableCommand {
  static let version = "0.1.0"
  /// How patches name their writer.
  static let tool = "errata \(version)"

  static let configuration = CommandConfiguration(
    commandName: "errata",
    abstract: "Corrects what a language model believes, inside its weight files.",
    discussion: """
      Errata turns facts, keys and values, or two model files into a small patch, and applies, reverts and verifies such patches \
      on safetensors and GGUF models, bit for bit. MODEL is a .safetensors or .gguf file, a *.safetensors.index.json, the \
      first part of a split GGUF, or a folder in Hugging Face layout.

      Exit status: 0 done or yes, 1 failed and nothing changed, 2 the answer is no, 64 wrong usage, 75 told to \
      end by SIGTERM: run the same command again, and it goes on.
      """,
    version: version,
    subcommands: [
      EditCommand.self, TraceCommand.self, TuneCommand.self, TrainCommand.self, AskCommand.self,
      EvalCommand.self,
      SolveCommand.self, DiffCommand.self,
      ApplyCommand.self,
      RevertCommand.self, VerifyCommand.self,
      ShowCommand.self,
      CombineCommand.self, ExportCommand.self, StatsCommand.self, ValuesCommand.self, RecoverCommand.self,
      PlanCommand.self, TryCommand.self, SignCommand.self, LogCommand.self,
    ])

  static func main() {
    StandardStreams.fill()
    if let obstacle = StandardStreams.obstacle() {
      Console.error("Error: cannot start\n  why:   \(obstacle)\n  Nothing was changed.")
      Glibc.exit(1)
    }
    Interruption.watch()
    var status: Int32 = 0
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as CommandFailure {
      failure.print()
      status = failure.status
    } catch {
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if !text.isEmpty { code.isSuccess ? Console.output(text) : Console.error(text) }
      status = code.rawValue
    }
    Glibc.exit(Console.finish(status))
  }
}
