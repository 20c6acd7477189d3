import ArgumentParser

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

      Exit status: 0 done or yes, 1 failed and nothing changed, 2 the answer is no, 64 wrong usage.
      """,
    version: version,
    subcommands: [
      EditCommand.self, AskCommand.self, EvalCommand.self, SolveCommand.self, DiffCommand.self,
      ApplyCommand.self,
      RevertCommand.self, VerifyCommand.self,
      ShowCommand.self,
      CombineCommand.self, ExportCommand.self, StatsCommand.self, RecoverCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as CommandFailure {
      failure.report()
    } catch {
      exit(withError: error)
    }
  }
}
