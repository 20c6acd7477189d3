import ArgumentParser
import Editing
import ModelFiles

struct ValuesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "values", abstract: "Values that `edit --save-values` found: puts parts together.",
    subcommands: [ValuesMergeCommand.self])
}

struct ValuesMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Puts the parts of `edit --shard` together.",
    discussion: """
      The result is the file that one run would have written, byte for byte, whatever the order of the parts. Each part must be \
      there, once, and all must be of the same facts and settings.

      Example:
        errata edit llama/ --facts facts.json --shard auto --save-values part-{shard}.values
        errata values merge 'part-*.values' -o all.values
        errata edit llama/ --facts facts.json --values all.values --statistics llama.stats -o fix.errata
      """)
  @Argument(help: "Files of values; a name with * stands for all that match.", completion: .file())
  var parts: [String]
  @Option(name: .shortAndLong, help: "The merged values.", completion: .file())
  var output: String
  @Flag(
    help: "Also where parts are missing or unfinished; what is missing is found when the values are used.")
  var partial = false
  @OptionGroup var messages: OutputOptions

  func run() throws {
    try doing("cannot merge values into \(output)", messages) {
      let parts = try FileNames.matching(parts)
      try OutputRule(["-o": output]).check(inputs: parts)
      let count = try ValuesFile.merge(parts.map { try ValuesFile($0) }, to: output, isPartial: partial)
      messages.answer("Values of \(Numbers.count(count, "fact")) are in \(output).")
      if messages.json {
        Console.output((["values": .string(output), "count": .integer(count)] as JSONValue).indentedText)
      }
    }
  }
}
