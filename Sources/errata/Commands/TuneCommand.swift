import ArgumentParser
import Editing
import Evaluation
import Glibc
import ModelFiles
import Transformer

struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune", abstract: "Finds a recipe for a model: λ, layers, spread, clamp and steps.",
    discussion: """
      Edits a part of the records together, in memory, and asks about them; changes one number of the recipe at a time, and \
      keeps what is better by --weights, until nothing is or --budget ends it. The rest of the records, which the search never \
      saw, then tell what the recipe is worth: that is the number to believe.

      Example:
        errata tune llama/ --facts facts.json --statistics llama.stats.safetensors --budget 600 -o recipe.json
        errata edit llama/ --facts facts.json --statistics llama.stats.safetensors --recipe recipe.json -o fix.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(name: .customLong("facts"), help: "Records with probes (Formats/facts.md).", completion: .file())
  var path: String
  @Option(help: "Take only the first so many records.")
  var limit: Int?
  @Option(
    help: "Second moments (Formats/statistics.md); of all layers that may be tried.", completion: .file())
  var statistics: String?
  @Option(name: .shortAndLong, help: "The recipe.", completion: .file())
  var output: String
  @Option(
    help: ArgumentHelp("\(EditMethod.list()) (default: memit).", valueName: "method"),
    transform: MethodOptions.method)
  var method = EditMethod.memit
  @Option(help: "A recipe to start from.", completion: .file())
  var recipe: String?
  @Option(help: "Layers to start from: 3-8, or 3,5,8, or traced:FILE (default: the recipe's).")
  var layers: LayerList?
  @Option(
    help: "JSON list of texts with one {} each, which the prompts are put into (default: generated).",
    completion: .file())
  var contexts: String?
  @Option(help: "What counts, as for `eval --weights`.")
  var weights = "reliability=1,generalization=1,locality=1"
  @Option(help: "Facts edited together (default: all that are searched on).")
  var batch: Int?
  @Option(help: "Seconds that it may take.")
  var budget = 600.0
  @Option(help: "Share of the records that is held out.")
  var heldOut = 0.33
  @Option(help: "Seed of the choice of records that are held out.")
  var seed: UInt64 = 0
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    if let limit, limit < 2 { throw ValidationError("--limit takes a number above one.") }
    if let batch, batch < 1 { throw ValidationError("--batch takes a number above zero.") }
    if !(budget > 0 && budget.isFinite) { throw ValidationError("--budget takes a number above zero.") }
    if !(heldOut > 0 && heldOut < 1) {
      throw ValidationError("--held-out takes a number between zero and one.")
    }
    if statistics != nil, !method.usesSecondMoment {
      throw ValidationError("\(method.name) uses no second moment: --statistics does not apply.")
    }
  }

  func run() throws {
    try doing("cannot tune a recipe for \(model)", messages) {
      let running = try RunningModel(model, threads: threads.count, messages)
      let weightsFile = weights.contains("=") ? nil : weights
      try OutputRule(["-o": output]).check(
        inputs: [path, statistics, recipe, layers?.trace, contexts, weightsFile],
        models: [running.network.model])
      let criteria = try CriterionWeights(weights)
      var reading = FactsReading()
      reading.subjects = method.needsSubject ? .needed : .free
      let all = try FactChoice(limit: limit).read(path, reading, messages).checked()
      let (seen, held) = try split(all)
      let scratch = try ScratchFolder(beside: output)
      defer { withExtendedLifetime(scratch) {} }
      var search = RecipeSearch(
        network: running.network, tokenizer: running.tokenizer,
        statistics: try statistics.map { try StatisticsFile($0) },
        plan: try plan(for: running), weights: criteria, budget: budget, scratch: scratch.path("tune"))
      search.batch = batch
      guard statistics != nil || !search.plan.recipe.update.usesSecondMoment else {
        throw EditError.methodNeedsSecondMoment(method: method)
      }
      let found = try search.search(seen, heldOut: held) { trial in
        if messages.verbose { messages.say(TuneReport.line(trial)) }
      }
      let report = TuneReport(result: found, seen: seen.count, heldOut: held.count, weights: criteria)
      try write(report.recipe)
      messages.answer(report.text)
      messages.say("The recipe is \(output).")
      if messages.json { Console.output(report.json.indentedText) }
    }
  }

  private func plan(for running: RunningModel) throws -> EditPlan {
    var options = PlanOptions()
    options.method = method
    if let recipe { options.recipes = [recipe] }
    if let layers = layers?.json { options.settings.append((.layers, layers)) }
    options.trace = layers?.trace
    options.contexts = try contexts.map { try ContextTemplate.read($0) }
    if let trace = options.trace { try warnOfOrigin(ofTrace: trace, running, messages) }
    return try options.plan(for: running.network.configuration)
  }

  /// Records to search on, and records that are held out.
  private func split(_ records: [FactRecord]) throws -> (seen: [FactRecord], held: [FactRecord]) {
    guard records.count >= 2 else { throw EvaluationError.nothingToHoldOut(records: records.count) }
    return RecipeSearch.split(records, holdingOut: heldOut, seed: seed)
  }

  private func write(_ recipe: JSONValue) throws {
    let file = try AtomicFile(output)
    try file.file.write(Array((recipe.indentedText + "\n").utf8), at: 0)
    try file.commit()
  }
}
