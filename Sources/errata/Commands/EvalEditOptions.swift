import ArgumentParser
import Editing
import Evaluation
import ModelFiles
import Patches
import Transformer

/// Methods that are to be compared.
struct EvalEditOptions: ParsableArguments {
  @Option(
    name: .customLong("edit"),
    help: ArgumentHelp(
      "Edit the records themselves by these methods and compare: memit, emmet, rome, pmet, alphaedit, in-context.",
      valueName: "methods"))
  var names: String?
  @Option(
    name: .customLong("batch"),
    help: ArgumentHelp("Edits stored together, each number a row: 1,10,100.", valueName: "numbers"))
  var batchList = "1"
  @Option(
    help: ArgumentHelp(
      "Also a sequence over all records, so many edits at a time, asked about at every doubling.",
      valueName: "number"))
  var sequential: Int?
  @Option(help: "Second moments for --edit (Formats/statistics.md).")
  var statistics: String?
  @Option(
    name: .customLong("recipe"),
    help:
      "A recipe for --edit, as `edit --recipe` reads it; with \"method\", for that one alone. May be repeated."
  )
  var recipes: [String] = []
  @Option(help: "Layers to edit: 3-8, or 3,5,8 (default: the recipes').")
  var layers: LayerList?
  @Option(help: "JSON list of texts with one {} each, which the prompts are put into (default: generated).")
  var contexts: String?

  static let inContext = "in-context"

  var methods: [EditMethod] { listed.compactMap { EditMethod(name: $0) } }
  var batches: [Int] { batchList.split(separator: ",").compactMap { Int($0) } }
  var comparesInContext: Bool { listed.contains(Self.inContext) }
  private var listed: [String] { (names ?? "").split(separator: ",").map(String.init) }

  func validate() throws {
    for name in listed where name != Self.inContext && EditMethod(name: name) == nil {
      throw ValidationError(
        "--edit takes \(EditMethod.allCases.map(\.rawValue).joined(separator: ", ")) and \(Self.inContext), not \(name)."
      )
    }
    if batches.isEmpty || batches.count != batchList.split(separator: ",").count
      || batches.contains(where: { $0 < 1 })
    {
      throw ValidationError("--batch takes numbers above zero, separated by commas.")
    }
    if let sequential, sequential < 1 { throw ValidationError("--sequential takes a number above zero.") }
    if sequential != nil, methods.isEmpty { throw ValidationError("--sequential is for --edit.") }
  }

  /// Refuses what would fail only after the base has been asked.
  func check(for configuration: NetworkConfiguration) throws {
    for method in methods {
      let recipe = try recipe(of: method, for: configuration)
      guard statistics != nil || !recipe.update.usesSecondMoment else {
        throw EditError.methodNeedsSecondMoment(method: method)
      }
    }
  }

  /// The recipe of a method for a model.
  func recipe(of method: EditMethod, for configuration: NetworkConfiguration) throws -> EditRecipe {
    var recipe = EditRecipe(
      for: method, family: configuration.family, layerCount: configuration.layerCount,
      width: configuration.width, keyWidth: configuration.feedForwardWidth)
    for path in recipes {
      let named = try JSONValue(readingFile: path)["method"]?.text
      if named == nil || named.flatMap({ EditMethod(name: $0) }) == method { try recipe.read(path) }
    }
    if let layers { recipe.layers = layers.numbers.sorted() }
    return recipe
  }
}

extension Evaluating {
  /// Edits by every method in every way, and asks.
  func compare(
    _ edits: EvalEditOptions, scratch: String, keepsValues: Bool,
    _ series: inout EvaluationSeries
  ) throws -> MethodComparison {
    let count = series.records.count
    var options = LowRankOptions()
    options.threads = running.network.threads
    var comparison = MethodComparison(
      network: running.network, statistics: try edits.statistics.map { try StatisticsFile($0) },
      options: options, scratch: scratch)
    comparison.keepsValues = keepsValues
    comparison.contexts = try edits.contexts.map { try ContextTemplate.read($0) }
    var ways: [EditWay] = edits.batches.map { .batches(of: min($0, count)) }
    if let batch = edits.sequential { ways += EditWay.curve(over: count, batch: batch) }
    if edits.comparesInContext {
      try inContext(&series)
      comparison.add(series.runs.last!, method: EvalEditOptions.inContext)
    }
    for method in edits.methods {
      var bar: Progress?
      var shown = ""
      defer { bar?.finish() }
      let recipe = try edits.recipe(of: method, for: running.network.configuration)
      try comparison.compare(recipe, ways, in: &series) { label, done in
        if label != shown {
          bar?.finish()
          bar = Progress(label, total: count, unit: .facts, messages)
          shown = label
        }
        bar?.advance(done)
      }
    }
    return comparison
  }
}
