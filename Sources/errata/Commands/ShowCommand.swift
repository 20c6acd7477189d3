import ArgumentParser
import Editing
import ModelFiles
import Patches

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what is in a model, a patch, statistics or keys.",
    discussion:
      """
      Reads headers only, so the size of the file does not matter. With -v every tensor has a line of its own.

      --report writes a patch as a page for review: its facts before and after, what they cost, what is touched, and the \
      commands that apply it and take it back. --diff compares two patches fact by fact, here and on the page.

      --bom writes a CycloneDX bill of materials in which the edited model is the base with this patch in its pedigree; \
      --card a model card, front matter and text, for a repository that ships the patch.

      Examples:
        errata show fix.errata --report fix.html
        errata show fix.errata --bom fix.cdx.json --card README.md
        errata show monday.errata --diff tuesday.errata
      """
  )
  @Argument(help: "A model, patch, statistics or keys file.", completion: .file())
  var file: String
  @Option(
    name: .customLong("report"),
    help: ArgumentHelp("Also write a page about a patch, for review (HTML).", valueName: "file"),
    completion: .file())
  var page: String?
  @Option(
    name: .customLong("diff"),
    help: ArgumentHelp("Compare with this patch: facts, then tensors.", valueName: "patch"),
    completion: .file())
  var other: String?
  @Option(
    help: ArgumentHelp(
      "Also write a bill of materials for the edited model (CycloneDX 1.6, JSON).", valueName: "file"),
    completion: .file())
  var bom: String?
  @Option(
    help: ArgumentHelp(
      "Also write a model card for a repository that ships the patch (Markdown).", valueName: "file"),
    completion: .file())
  var card: String?
  @Option(
    help: ArgumentHelp(
      "With --bom and --card: the model that the patch is for, as others know it.", valueName: "owner/name"))
  var baseModel: String?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard baseModel == nil || bom != nil || card != nil else {
      throw ValidationError("--base-model goes with --bom and --card.")
    }
  }

  func run() throws {
    try doing("cannot show \(file)", output) {
      try OutputRule(["--report": page, "--bom": bom, "--card": card]).check(inputs: [file, other])
      let comparison = try other.map { PatchComparison(try PatchFile(file), try PatchFile($0)) }
      let shown = try comparison.map(Shown.comparison) ?? look()
      if let page {
        try PatchPage(PatchFile(file), comparison).write(to: page)
        output.say("The page is \(page).")
      }
      if let bom {
        let bill = MaterialBill(try PatchFile(file), baseModel: baseModel)
        try write(bill.json.indentedText + "\n", to: bom)
        output.say("The bill of materials is \(bom).")
      }
      if let card {
        try write(PatchCard(PatchFile(file), baseModel: baseModel).text, to: card)
        output.say("The card is \(card).")
      }
      output.answer(shown.text)
      if output.json { Console.output(shown.json.indentedText) }
    }
  }

  private func write(_ text: String, to path: String) throws {
    let file = try AtomicFile(path)
    try file.file.write(Array(text.utf8), at: 0)
    try file.commit()
  }

  private func look() throws -> Shown {
    if !Folder.exists(file), try OpenFile(file, .reading).hasPatchMagic() {
      try nameLeftovers()
      return try Shown.patch(try PatchFile(file), verbose: output.verbose)
    }
    let (model, interrupted) = try openModelToLookAt(file, output)
    try nameLeftovers()
    switch model.use {
    case .statistics: return try Shown.statistics(StatisticsFile(file))
    case .keys: return try Shown.keys(KeysFile(file))
    default: break
    }
    let shown = try Shown.model(model, verbose: output.verbose)
    guard !interrupted.isEmpty, case .object(let members) = shown.json else { return shown }
    let runs = JSONValue.array(interrupted.map(\.json))
    return Shown(text: shown.text, json: .object(members + [.init("interrupted", runs)]))
  }
}

extension ShowCommand {
  /// Says what killed runs left here.
  private func nameLeftovers() throws {
    let leftovers = (try? Leftover.all(of: file)) ?? []
    guard !leftovers.isEmpty else { return }
    let size = Numbers.bytes(leftovers.reduce(0) { $0 + $1.byteCount })
    output.say(
      "Note: killed runs left \(Numbers.count(leftovers.count, "temporary file")) here, \(size): "
        + "\(leftovers.map(\.path).joined(separator: ", ")). `errata recover \(file)` removes them.")
  }
}

/// A file's content in both forms: for people and for scripts.
struct Shown {
  let text: String
  let json: JSONValue
}
