import ArgumentParser
import Editing
import LinearAlgebra
import ModelFiles
import Patches

struct SolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solve", abstract: "Turns keys and residuals into a patch.",
    discussion: """
      For every edited weight W of the keys file: solves for the update that stores the new values while moving known \
      keys least, rounds it, measures what is left of it, and stores it as low-rank factors with all that reverting needs.

      Methods: \(EditMethod.list(EditMethod.all.filter(\.hasClosedForm))). The second moment comes from --statistics; \
      --no-second-moment goes without.

      Example:
        errata solve llama/ --keys edit.keys.safetensors --statistics llama.stats.safetensors -o fix.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(help: "Keys and residuals (Formats/keys.md).", completion: .file())
  var keys: String
  @Option(help: "Second moments (Formats/statistics.md).", completion: .file())
  var statistics: String?
  @Option(name: .shortAndLong, help: "The patch.", completion: .file())
  var output: String
  @Option(help: "Layers to edit: 3-8, or 3,5,8 (default: all of the keys file).")
  var layers: LayerList?
  @Option(help: "Take only the first so many edits.")
  var limit: Int?
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Storage") var storage: StorageOptions
  @Option(
    name: .customLong("orientation"),
    help: "How weights of unknown families are stored (default: output-major).")
  var way: Way?
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  enum Way: String, ExpressibleByArgument, CaseIterable {
    case outputMajor = "output-major"
    case inputMajor = "input-major"
  }

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit takes a number above zero.") }
    try layers?.requireNumbers()
    if let memory = method.memory {
      throw ValidationError(
        "\(memory.name) leaves the weights alone: there is nothing to solve for; use `errata edit`.")
    }
    guard chosen.hasClosedForm else {
      throw ValidationError("\(chosen.name) trains a weight instead of solving for it; use `errata edit`.")
    }
    if storage.seed != nil, storage.rounding != .stochastic {
      throw ValidationError("--seed is for --rounding stochastic.")
    }
    try requireUsable(asked, for: chosen)
    try method.requireUse(of: statistics == nil ? nil : "--statistics", by: chosen)
  }

  private var chosen: EditMethod { method.method ?? .memit }
  private var asked: PlanOptions {
    var options = PlanOptions()
    options.settings = method.settings
    storage.fill(&options)
    return options
  }

  func run() throws {
    try doing("cannot solve for the edits in \(keys)", messages) {
      let file = try openModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output]).check(inputs: [keys, statistics], models: [file])
      try BLASLibrary.load()
      var run = KeyedSolve(
        model: file, keys: try KeysFile(keys), statistics: try statistics.map { try method.statistics($0) },
        settings: try UpdateSettings(method: chosen, method.settings),
        options: storage.options(threads: threads.count),
        orientation: way.flatMap { .init(rawValue: $0.rawValue) })
      run.layers = layers?.numbers
      run.limit = limit
      run.promotion = storage.promotion
      run.recordsCost = storage.recordCost
      if storage.rounding != nil, try run.changesCodes {
        throw EditError.optionNeeds("--rounding", other: "weights that are not quantized: codes are chosen")
      }
      if let statistics = run.statistics { try warnOfOrigin(statistics, for: file, messages) }
      let card = try run.write(to: output, tool: Errata.tool) { weight, phase in
        if messages.verbose { messages.say("\(weight): \(phase)") }
      }
      try report(card)
    }
  }

  private func report(_ card: EditReportCard) throws {
    for warning in card.warnings { messages.say("Warning: \(warning)") }
    guard let patch = card.patch else { return }
    try messages.answer(Shown.patch(patch, verbose: messages.verbose).text)
    messages.say("The patch is \(output). Nothing else was changed.")
    guard messages.json else { return }
    Console.output(card.json(path: output).indentedText)
  }
}
