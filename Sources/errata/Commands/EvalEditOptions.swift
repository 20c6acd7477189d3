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
      "Edit the records themselves by these methods and compare: \(EditMethod.list(joining: "and")); \(Self.inContext) edits nothing.",
      valueName: "methods"))
  var names: String?
  @Option(
    name: .customLong("batch"),
    help: ArgumentHelp("Edits stored together, each number a row: 1,10,100.", valueName: "numbers"))
  var batchList: String?
  @Option(
    help: ArgumentHelp(
      "Also a sequence over all records, so many edits at a time, asked about at every doubling.",
      valueName: "number"))
  var sequential: Int?
  @Option(help: "Second moments for --edit (Formats/statistics.md).", completion: .file())
  var statistics: String?
  @Option(
    name: .customLong("recipe"),
    help:
      "A recipe for --edit, as `edit --recipe` reads it; with \"method\", for that one alone. May be repeated.",
    completion: .file()
  )
  var recipes: [String] = []
  @Option(help: "Layers to edit: 3-8, or 3,5,8 (default: the recipes').")
  var layers: LayerList?
  @Option(
    help: "JSON list of texts with one {} each, which the prompts are put into (default: generated).",
    completion: .file())
  var contexts: String?

  static let inContext = "in-context"

  var methods: [EditMethod] { listed.compactMap { EditMethod(name: $0) } }
  var batches: [Int] { (batchList ?? "1").split(separator: ",").compactMap { Int($0) } }
  var comparesInContext: Bool { listed.contains(Self.inContext) }
  private var listed: [String] { (names ?? "").split(separator: ",").map(String.init) }

  func validate() throws {
    for name in listed where name != Self.inContext && EditMethod(name: name) == nil {
      throw ValidationError(
        "--edit takes \(EditMethod.all.map(\.name).joined(separator: ", ")) and \(Self.inContext), not \(name)."
      )
    }
    if let batchList,
      batches.isEmpty || batches.count != batchList.split(separator: ",").count
        || batches.contains(where: { $0 < 1 })
    {
      throw ValidationError("--batch takes numbers above zero, separated by commas.")
    }
    if let sequential, sequential < 1 { throw ValidationError("--sequential takes a number above zero.") }
    guard methods.isEmpty else { return try requireUse() }
    let given = [
      ("--sequential", sequential != nil), ("--batch", batchList != nil), ("--statistics", statistics != nil),
      ("--recipe", !recipes.isEmpty), ("--layers", layers != nil), ("--contexts", contexts != nil),
    ]
    for (option, isGiven) in given where isGiven { throw ValidationError("\(option) is for --edit.") }
  }

  /// Refuses what none of the methods uses.
  private func requireUse() throws {
    if statistics != nil, !methods.contains(where: \.usesSecondMoment) {
      throw ValidationError(
        "\(EditMethod.list(methods, joining: "and")) use no second moment: --statistics does not apply.")
    }
  }

  /// Refuses what would fail only after the base has been asked.
  func check(for configuration: NetworkConfiguration) throws {
    for method in methods {
      let plan = try plan(of: method, for: configuration)
      guard statistics != nil || !plan.recipe.update.usesSecondMoment else {
        throw EditError.methodNeedsSecondMoment(method: method)
      }
    }
  }

  /// The plan of a method for a model.
  ///
  /// - Parameter chat: what goes around a prompt where the edits are to hold in a chat too.
  func plan(of method: EditMethod, for configuration: NetworkConfiguration, chat: ChatFrame? = nil) throws
    -> EditPlan
  {
    var options = PlanOptions()
    options.method = method
    options.recipes = try recipes.filter { path in
      let named = try JSONValue(readingFile: path)["method"]?.text
      return named == nil || named.flatMap({ EditMethod(name: $0) }) == method
    }
    // A recipe that names no method is for all of them, and each takes the numbers that it has.
    options.passesOver = methods.reduce(into: []) { $0.formUnion($1.settings) }
    if let layers { options.settings.append((.layers, layers.json)) }
    options.contexts = try contexts.map { try ContextTemplate.read($0) }
    options.chat = chat
    return try options.plan(for: configuration)
  }
}

extension Evaluating {
  /// Edits by every method in every way, and asks.
  func compare(
    _ edits: EvalEditOptions, scratch: String, keepsValues: Bool,
    _ series: inout EvaluationSeries
  ) throws -> MethodComparison {
    let count = series.records.count
    var comparison = MethodComparison(
      network: running.network, statistics: try edits.statistics.map { try StatisticsFile($0) },
      scratch: scratch)
    comparison.keepsValues = keepsValues
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
      let plan = try edits.plan(of: method, for: running.network.configuration, chat: series.settings.chat)
      try comparison.compare(plan, ways, in: &series) { label, done in
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
