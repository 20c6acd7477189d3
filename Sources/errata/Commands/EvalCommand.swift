import ArgumentParser
import Evaluation
import ModelFiles

struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Measures what edits did: taken, generalized, local, carried over.",
    discussion: "What `errata eval MODEL` takes says `errata help eval run`.",
    subcommands: [EvalRunCommand.self, EvalMergeCommand.self], defaultSubcommand: EvalRunCommand.self)
}

struct EvalMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Puts the parts of `eval --shard` together.",
    discussion: """
      The result is the file that one run would have written with --output, whatever the order of the parts, but for the seconds that \
      edits took. Each part must be there, once, and all must be of the same records and settings. The command without --shard, with \
      --output of the merged file, then asks nothing and shows the tables.

      Example:
        errata eval llama/ --data facts.json --patch fix.errata --shard auto --output part-{shard}.jsonl
        errata eval merge 'part-*.jsonl' -o all.jsonl
        errata eval llama/ --data facts.json --patch fix.errata --output all.jsonl
      """)
  @Argument(help: "Files of answers; a name with * stands for all that match.", completion: .file())
  var parts: [String]
  @Option(name: .shortAndLong, help: "The merged answers.", completion: .file())
  var output: String
  @Flag(
    help: "Also where parts are missing or unfinished; what is missing is asked when the answers are used.")
  var partial = false
  @OptionGroup var messages: OutputOptions

  func run() throws {
    try doing("cannot merge answers into \(output)", messages) {
      let parts = try FileNames.matching(parts)
      try OutputRule(["-o": output]).check(inputs: parts)
      let count = try ResultsFile.merge(parts, to: output, isPartial: partial)
      messages.answer("\(Numbers.count(count, "answer")) are in \(output).")
      if messages.json {
        Console.output((["output": .string(output), "answers": .integer(count)] as JSONValue).indentedText)
      }
    }
  }
}
