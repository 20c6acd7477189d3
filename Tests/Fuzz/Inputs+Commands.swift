import ArgumentParser
import Glibc
import ModelFiles

@testable import errata

/// Whether each input goes through the commands too: when known inputs are given once. Else one in sixteen, chosen by its bytes, as
/// commands take longer than what they call.
private let always = getenv("FUZZ_COMMANDS") != nil

extension Inputs {
  /// Runs a command on an input as a user would, up to the words of its error.
  static func command(_ bytes: [UInt8], _ words: String...) throws {
    guard always || bytes.reduce(UInt8(0), &+) % 16 == 0 else { return }
    run(words)
  }

  private static func run(_ words: [String]) {
    do {
      var command = try parsed(words)
      try command.run()
    } catch let failure as CommandFailure {
      failure.print()
    } catch { _ = Errata.fullMessage(for: error) }
  }

  /// Words of a command line, each ended by a line end. What only reads, and names nothing outside the folder, is run.
  static func arguments(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let words = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let reading: Set = ["show", "verify", "log"]
    if let first = words.first, reading.contains(first), !text.contains("/"), !text.contains("..") {
      try folder.write(folder.baseBytes, folder.base)
      run(words)
      return
    }
    do { _ = try parsed(words) } catch { _ = Errata.fullMessage(for: error) }
  }

  /// A command line as the root parses it, but for the root's own look at the options of every command, which takes half a second in a
  /// debug build.
  private static func parsed(_ words: [String]) throws -> any ParsableCommand {
    guard let first = words.first,
      let command = Errata.configuration.subcommands.first(where: { $0.configuration.commandName == first })
    else { return try Errata.parseAsRoot(words) }
    return try command.parseAsRoot(Array(words.dropFirst()))
  }
}
