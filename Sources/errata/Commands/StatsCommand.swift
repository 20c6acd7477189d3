import ArgumentParser
import Editing
import ModelFiles
import Patches

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Second moments of the keys: collects, merges, imports and exports.",
    subcommands: [
      StatsCollectCommand.self, StatsMergeCommand.self, StatsImportCommand.self, StatsExportCommand.self,
    ],
    defaultSubcommand: StatsCollectCommand.self)
}

struct StatsMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Adds shards of statistics up.",
    discussion:
      "Sums and token counts add, so the result is that of the whole corpus, whatever the order of the shards. Parts of one text must all be there, each once."
  )
  @Argument(help: "Statistics files; a name with * stands for all that match.", completion: .file())
  var shards: [String]
  @Option(name: .shortAndLong, help: "The merged statistics.", completion: .file())
  var output: String
  @Flag(help: "Also where parts of a text are missing or unfinished, to be added later.")
  var partial = false
  @OptionGroup var messages: OutputOptions

  func run() throws {
    try doing("cannot merge statistics into \(output)", messages) {
      let shards = try FileNames.matching(shards)
      try OutputRule(["-o": output]).check(inputs: shards)
      try StatisticsFile.merge(
        shards.map { try StatisticsFile($0) }, to: output, isIncomplete: partial)
      try report(StatisticsFile(output), messages)
    }
  }
}

struct StatsImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Takes over second moments published for ROME and MEMIT (.npz).",
    discussion: """
      The weight is read off the file's name (transformer.h.17.mlp.c_proj_float32_mom2_100000.npz), or named with --weight.
      """)
  @Argument(help: "Archives as the ROME and MEMIT projects write them.", completion: .file())
  var archives: [String]
  @Option(help: "The model they were collected on.", completion: .file())
  var model: String
  @Option(name: .shortAndLong, help: "The statistics file.", completion: .file())
  var output: String
  @Option(help: "Full name of the weight, for a single archive of another name.")
  var weight: String?
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    if weight != nil, archives.count != 1 {
      throw ValidationError("--weight names the weight of a single archive.")
    }
  }

  func run() throws {
    try doing("cannot import statistics into \(output)", messages) {
      let model = try openModel(model, threads: 1, messages)
      try OutputRule(["-o": output]).check(inputs: archives, models: [model])
      let sources = try archives.map { archive in
        if let weight { return StatisticsFile.Source(archive: archive, weight: weight) }
        guard let source = StatisticsFile.Source(archive: archive) else {
          throw StatisticsError.badArchive(
            file: archive, byteOffset: 0,
            detail: "its name does not tell the weight (…_float32_mom2_….npz); give --weight")
        }
        return source
      }
      try StatisticsFile.importArchives(
        sources, model: model,
        orientation: { KeyedSolve.orientation(of: $0, in: model, fallback: nil) == .inputMajor }, to: output)
      try report(StatisticsFile(output), messages)
    }
  }
}

struct StatsExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes second moments in another program's form.",
    discussion: """
      imatrix: the diagonals, as an importance matrix in the form of llama.cpp's imatrix (GGUF). Such a file may also stand for \
      statistics (--statistics of edit, solve and apply --port), as a weak substitute: it says which inputs matter, and nothing of directions.

      Example:
        errata stats export llama.stats.safetensors --as imatrix -o llama.imatrix.gguf
      """)
  @Argument(help: "Statistics.", completion: .file())
  var statistics: String
  @Option(name: .customLong("as"), help: "The form.")
  var form: Form
  @Option(name: .shortAndLong, help: "The file to write.", completion: .file())
  var output: String
  @OptionGroup var messages: OutputOptions

  enum Form: String, CaseIterable, ExpressibleByArgument { case imatrix }

  func run() throws {
    try doing("cannot export \(statistics)", messages) {
      try OutputRule(["-o": output]).check(inputs: [statistics])
      switch form {
      case .imatrix: try StatisticsFile(statistics).writeImatrix(to: output)
      }
      try report(StatisticsFile(output), messages)
    }
  }
}

/// What a statistics file now holds.
func report(_ file: StatisticsFile, _ output: OutputOptions) throws {
  let shown = try Shown.statistics(file)
  output.answer(shown.text)
  if output.json { Console.output(shown.json.indentedText) }
}
