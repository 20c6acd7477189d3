import ArgumentParser
import Editing
import ModelFiles
import Patches

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what is in a model, a patch, statistics or keys.",
    discussion:
      "Reads headers only, so the size of the file does not matter. With -v every tensor has a line of its own."
  )
  @Argument(help: "A model, patch, statistics or keys file.")
  var file: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    try doing("cannot show \(file)", output) {
      let shown = try look()
      output.answer(shown.text)
      if output.json { Console.output(shown.json.indentedText) }
    }
  }

  private func look() throws -> Shown {
    if !Folder.exists(file), try OpenFile(file, .reading).hasPatchMagic() {
      return Shown.patch(try PatchFile(file), verbose: output.verbose)
    }
    let model = try openModel(file, for: nil, threads: ThreadOptions.usableCores, output)
    switch model.use {
    case .statistics: return try Shown.statistics(StatisticsFile(file))
    case .keys: return try Shown.keys(KeysFile(file))
    default: return try Shown.model(model, verbose: output.verbose)
    }
  }
}

/// A file's content in both forms: for people and for scripts.
struct Shown {
  let text: String
  let json: JSONValue
}
