import ArgumentParser
import Glibc
import LinearAlgebra
import ModelFiles

/// A command that could not do its work: what was tried, and the error that stopped it.
struct CommandFailure: Error {
  let action: String
  let error: any Error
  let output: OutputOptions
  /// Characters of one part of a message: a hostile file may give a name of megabytes.
  private static let longest = 2000

  /// Prints the one error and ends the process with status 1.
  func report() -> Never {
    let explanation = ErrorReport.explain(error)
    var lines = ["Error: \(Numbers.beginning(of: action, limit: Self.longest))"]
    for (label, text) in [
      ("where", explanation.place), ("why", explanation.why), ("try", explanation.advice),
    ] {
      if let text {
        lines.append("  \(label): ".padded(to: 9) + Numbers.beginning(of: text, limit: Self.longest))
      }
    }
    lines.append("  " + (explanation.change ?? "Nothing was changed."))
    Console.error(lines.joined(separator: "\n"))
    if output.json {
      let object: JSONValue = [
        "error": [
          "name": .string(explanation.name), "action": .string(action),
          "where": explanation.place.map { .string($0) } ?? .null, "why": .string(explanation.why),
          "try": explanation.advice.map { .string($0) } ?? .null,
        ]
      ]
      Console.output(object.indentedText)
    }
    exit(1)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

/// Which kernels computed, where something was computed: they decide the time, and the last bits of a solve.
private func sayKernel(_ output: OutputOptions) {
  guard BLASLibrary.isLoaded else { return }
  let instead =
    BLASLibrary.replacedKernel.map { "; it does not know this processor and took it for \($0)" } ?? ""
  output.say("OpenBLAS ran its kernels for \(BLASLibrary.kernel)\(instead).")
}

/// Runs a command's work; an error of the modules becomes the command's failure.
func doing<Result>(_ action: String, _ output: OutputOptions, _ work: () throws -> Result) throws -> Result {
  do {
    let result = try work()
    if output.verbose { sayKernel(output) }
    return result
  } catch {
    // What a command ends with on purpose, and what has its words already, stays as it is.
    if error is ExitCode || error is CleanExit || error is ValidationError || error is CommandFailure {
      throw error
    }
    throw CommandFailure(action: action, error: error, output: output)
  }
}
