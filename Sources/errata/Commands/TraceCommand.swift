import ArgumentParser
import Editing
import ModelFiles

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Finds the layers at which a model recalls facts (causal tracing).",
    discussion: "What `errata trace MODEL` takes says `errata help trace run`.",
    subcommands: [TraceRunCommand.self, TraceMergeCommand.self], defaultSubcommand: TraceRunCommand.self)
}

struct TraceMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Puts the parts of `trace --shard` together.",
    discussion: """
      The result is the file that one run would have written, byte for byte, whatever the order of the parts. Each part must be there, \
      once, and all must be of the same facts, model and settings. The command without --shard, with -o of the merged file, then \
      traces nothing and shows the layers.

      Example:
        errata trace llama/ --facts known.json --shard auto -o part-{shard}.json
        errata trace merge 'part-*.json' -o llama.trace.json
        errata trace llama/ --facts known.json -o llama.trace.json --report trace.html
      """)
  @Argument(help: "Files of traces; a name with * stands for all that match.", completion: .file())
  var parts: [String]
  @Option(name: .shortAndLong, help: "The merged traces (Formats/trace.md).", completion: .file())
  var output: String
  @Flag(
    help:
      "Also where parts are missing or unfinished; what is missing is traced when the file is gone on with.")
  var partial = false
  @OptionGroup var messages: OutputOptions

  func run() throws {
    try doing("cannot merge traces into \(output)", messages) {
      let parts = try FileNames.matching(parts)
      try OutputRule(["-o": output]).check(inputs: parts)
      let file = try TraceFile.merge(parts, to: output, isPartial: partial)
      let (traced, unknown) = (file.facts.count, file.unknown.count)
      messages.answer(
        "\(Numbers.count(traced, "traced fact")) and \(unknown) not known to the model are in \(output).")
      if messages.json {
        Console.output(
          (["output": .string(output), "facts": .integer(traced), "unknown": .integer(unknown)] as JSONValue)
            .indentedText)
      }
    }
  }
}
