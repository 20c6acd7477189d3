import ArgumentParser
import Editing
import Glibc
import LinearAlgebra
import ModelFiles

/// A command's work: what it is, and what it has done to files so far.
struct CommandWork: Sendable {
  let action: String
  let output: OutputOptions
  let ledger = FileLedger()

  /// This work, ended by an error.
  func failure(_ error: any Error) -> CommandFailure { CommandFailure(work: self, error: error) }

  /// Says what went wrong beside the result.
  func warn() {
    for warning in ledger.warnings { output.say("Warning: \(ErrorReport.explain(warning))") }
  }

  /// What stands, in a sentence; `nil` where nothing was changed.
  var standing: String? {
    let written = ledger.written.isEmpty ? nil : "\(ledger.written.joined(separator: ", ")) was written"
    let changed =
      ledger.changed.isEmpty ? nil : "\(ledger.changed.joined(separator: ", ")) was changed in place"
    let done = [written, changed].compactMap { $0 }
    return done.isEmpty ? nil : done.joined(separator: "; ")
  }
}

/// A command that could not do its work: what was tried, and the error that stopped it.
struct CommandFailure: Error {
  let work: CommandWork
  let error: any Error
  /// Characters of one part of a message: a hostile file may give a name of megabytes.
  private static let longest = 2000

  /// What the command ends with: 75 (EX_TEMPFAIL) where the same command, run again, goes on.
  var status: Int32 {
    switch error {
    case PartsError.stopped, PartsError.stoppedEarly: 75
    case let interrupted as InterruptedWork where interrupted.goesOn != nil: 75
    default: 1
    }
  }

  /// Prints the one error.
  func print() {
    let output = work.output
    let explanation = ErrorReport.explain(error)
    var lines = ["Error: \(Numbers.beginning(of: work.action, limit: Self.longest))"]
    for (label, text) in [
      ("where", explanation.place), ("why", explanation.why), ("try", explanation.advice),
    ] {
      if let text {
        lines.append(
          "  \(label): ".padded(to: 9)
            + Numbers.beginning(of: FilesUnderWay.naming(text), limit: Self.longest))
      }
    }
    let rest = work.standing.map { "What was done before stays: \($0)." } ?? "Nothing was changed."
    lines.append("  " + (explanation.change ?? rest))
    Console.error(lines.joined(separator: "\n"))
    guard output.json else { return }
    let object: JSONValue = [
      "error": [
        "name": .string(explanation.name), "action": .string(work.action),
        "where": explanation.place.map { .string(FilesUnderWay.naming($0)) } ?? .null,
        "why": .string(FilesUnderWay.naming(explanation.why)),
        "try": explanation.advice.map { .string($0) } ?? .null,
      ]
    ]
    Console.output(object.indentedText)
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
  let doing = CommandWork(action: action, output: output)
  Interruption.begin(doing)
  do {
    let result = try doing.ledger.record(work)
    doing.warn()
    if output.verbose { sayKernel(output) }
    return result
  } catch {
    doing.warn()
    // What a command ends with on purpose, and what has its words already, stays as it is.
    if error is ExitCode || error is CleanExit || error is ValidationError || error is CommandFailure {
      throw error
    }
    throw doing.failure(error)
  }
}
