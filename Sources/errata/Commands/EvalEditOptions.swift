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
      "Edit the records themselves by these methods and compare: \(EditMethod.list(joining: "and")); \(MethodChoice.memories), which leave the weights alone; \(Self.inContext) edits nothing. With + behind a method, how it shares out over the layers: emmet+\(LayerSpread.last) (--spread of edit).",
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
    help: ArgumentHelp(
      "Ordinary text for methods of --edit that add neurons (\(EditMethod.list(EditMethod.all.filter(\.readsText), joining: "and"))).",
      valueName: "file"), completion: .file())
  var corpus: [String] = []
  @Option(
    help: ArgumentHelp(
      "A trained editor for methods of --edit that apply one (\(EditMethod.list(EditMethod.all.filter(\.takesEditor), joining: "and"))). May be repeated.",
      valueName: "file"), completion: .file())
  var editor: [String] = []
  @Option(
    name: .customLong("recipe"),
    help:
      "A recipe for --edit, as `edit --recipe` reads it; with \"method\", for that one alone. May be repeated.",
    completion: .file()
  )
  var recipes: [String] = []
  @Option(
    help: "Layers to edit: 3-8, or 3,5,8, or traced:FILE, those that a trace chooses (default: the recipes')."
  )
  var layers: LayerList?
  @Option(
    help: "JSON list of texts with one {} each, which the prompts are put into (default: generated).",
    completion: .file())
  var contexts: String?
  @Option(
    help: ArgumentHelp(
      "Rank the methods by the weighted mean of what was measured, and say which to take: reliability=3,locality=1, or a JSON file; of \(Criterion.all.map { "\($0.name) (\($0.summary))" }.joined(separator: ", ")).",
      valueName: "weights"))
  var weights: String?

  static let inContext = "in-context"

  /// What is compared, in order.
  var variants: [EditVariant] { listed.compactMap { EditVariant($0) } }
  var methods: [EditMethod] { variants.map(\.method) }
  /// Those of them that leave the weights alone.
  var memories: [MemoryMethod] { listed.compactMap { MemoryMethod(name: $0) } }
  var batches: [Int] { (batchList ?? "1").split(separator: ",").compactMap { Int($0) } }
  /// Whether one of them has a second model answer.
  var asksSecondModel: Bool { memories.contains(where: \.asksSecondModel) }
  var comparesInContext: Bool { listed.contains(Self.inContext) }
  private var listed: [String] { (names ?? "").split(separator: ",").map(String.init) }

  func validate() throws {
    for name in listed where name != Self.inContext && MemoryMethod(name: name) == nil {
      guard let variant = EditVariant(name) else {
        throw ValidationError(
          "--edit takes \((EditMethod.all.map(\.name) + MemoryMethod.all.map(\.name)).joined(separator: ", ")) and \(Self.inContext), not \(name)."
            + (name.contains("+") ? " Behind + stands \(LayerSpread.list())." : ""))
      }
      guard variant.applies else {
        throw ValidationError(
          "\(variant.method) shares nothing out over layers: +\(variant.spread!) does not apply.")
      }
    }
    if let twice = listed.first(where: { name in listed.count { $0 == name } > 1 }) {
      throw ValidationError("--edit names \(twice) twice.")
    }
    if let batchList,
      batches.isEmpty || batches.count != batchList.split(separator: ",").count
        || batches.contains(where: { $0 < 1 })
    {
      throw ValidationError("--batch takes numbers above zero, separated by commas.")
    }
    if let sequential, sequential < 1 { throw ValidationError("--sequential takes a number above zero.") }
    guard methods.isEmpty else { return try requireUse() }
    let takesEditor = memories.contains { $0.trainedKind != nil }
    let given =
      (memories.isEmpty
        ? [("--sequential", sequential != nil), ("--batch", batchList != nil), ("--weights", weights != nil)]
        : []) + [
        ("--statistics", statistics != nil),
        ("--corpus", !corpus.isEmpty), ("--editor", !editor.isEmpty && !takesEditor),
        ("--recipe", !recipes.isEmpty), ("--layers", layers != nil), ("--contexts", contexts != nil),
      ]
    for (option, isGiven) in given where isGiven {
      throw ValidationError(
        memories.isEmpty
          ? "\(option) is for --edit."
          : "\(option) does not apply: \(MemoryMethod.list(memories)) leave the weights alone.")
    }
  }

  /// Refuses what none of the methods uses.
  private func requireUse() throws {
    if statistics != nil, !methods.contains(where: \.usesSecondMoment) {
      throw ValidationError(
        "--statistics does not apply: no second moment is used by \(EditMethod.list(methods)).")
    }
    if !editor.isEmpty, !methods.contains(where: \.takesEditor),
      !memories.contains(where: { $0.trainedKind != nil })
    {
      throw ValidationError(
        "--editor does not apply: no trained editor is used by \(EditMethod.list(methods)).")
    }
    if !corpus.isEmpty, !methods.contains(where: \.readsText) {
      throw ValidationError(
        "--corpus does not apply: no ordinary text is read by \(EditMethod.list(methods)).")
    }
  }

  /// What methods are ranked by.
  func criteria() throws -> CriterionWeights? { try weights.map { try CriterionWeights($0) } }
  /// The file of the weights, where there is one.
  var weightsFile: String? { weights.flatMap { $0.contains("=") ? nil : $0 } }

  /// Refuses what would fail only after the base has been asked.
  func check(for configuration: NetworkConfiguration) throws {
    for path in editor {
      let kind = try LearnedEditor(path).kind
      guard
        methods.contains(where: { $0.trainedKind == kind })
          || memories.contains(where: { $0.trainedKind == kind })
      else {
        throw EditError.editorOfOtherMethod(file: path, kind: kind, method: listed[0])
      }
    }
    for memory in memories where memory.trainedKind != nil {
      guard try editor.contains(where: { try LearnedEditor($0).kind == memory.trainedKind }) else {
        throw EditError.optionNeeds(
          "--edit \(memory.name)",
          other: "--editor FILE, which `errata train --editor \(memory.trainedKind!)` makes")
      }
    }
    for variant in variants {
      let plan = try plan(of: variant, for: configuration)
      guard statistics != nil || !plan.recipe.update.usesSecondMoment else {
        throw EditError.methodNeedsSecondMoment(method: variant.method)
      }
      if variant.method.takesEditor, try learned(for: variant.method) == nil {
        throw EditError.methodNeedsEditor(method: variant.method)
      }
      guard !corpus.isEmpty || !variant.method.readsText else {
        throw EditError.methodNeedsText(method: variant.method)
      }
    }
  }

  /// The editor that a method applies.
  private func learned(for method: EditMethod) throws -> LearnedEditor? {
    guard method.takesEditor else { return nil }
    return try editor.map { try LearnedEditor($0) }.first { $0.kind == method.trainedKind }
  }

  /// The plan of a method for a model.
  ///
  /// - Parameter chat: what goes around a prompt where the edits are to hold in a chat too.
  func plan(
    of variant: EditVariant, for configuration: NetworkConfiguration, chat: ChatFrame? = nil
  ) throws -> EditPlan {
    let method = variant.method
    var options = PlanOptions()
    options.method = method
    options.recipes = try recipes.filter { path in
      let named = try JSONValue(readingFile: path)["method"]?.text
      return named == nil || named.flatMap({ EditMethod(name: $0) }) == method
    }
    // A recipe that names no method is for all of them, and each takes the numbers that it has.
    options.passesOver = methods.reduce(into: []) { $0.formUnion($1.settings) }
    if layers == nil, let own = try learned(for: method)?.layers {
      options.settings.append((.layers, .array(own.map { .integer($0) })))
    }
    if let layers = layers?.json { options.settings.append((.layers, layers)) }
    options.trace = layers?.trace
    if let spread = variant.spread { options.settings.append((.spread, .string(spread.name))) }
    options.contexts = try contexts.map { try ContextTemplate.read($0) }
    options.chat = chat
    let plan = try options.plan(for: configuration)
    if plan.recipe.neurons.widens {
      throw EditError.optionNeeds("widen", other: "edit: methods are compared within one shape")
    }
    return plan
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
    comparison.aids.seconds = seconds
    comparison.aids.editors = try edits.editor.map { try LearnedEditor($0) }
    if !edits.corpus.isEmpty {
      comparison.aids.text = try OrdinaryText(
        of: Corpus(edits.corpus), for: running.network, running.tokenizer)
    }
    var ways: [EditWay] = edits.batches.map { .batches(of: min($0, count)) }
    if let batch = edits.sequential { ways += EditWay.curve(over: count, batch: batch) }
    if edits.comparesInContext {
      try inContext(&series)
      comparison.add(series.runs.last!, method: EvalEditOptions.inContext)
    }
    for variant in edits.variants {
      var bar: Progress?
      var shown = ""
      defer { bar?.finish() }
      let plan = try edits.plan(of: variant, for: running.network.configuration, chat: series.settings.chat)
      try comparison.compare(plan, ways, named: variant.name, in: &series) { label, done in
        if label != shown {
          bar?.finish()
          bar = Progress(label, total: count, unit: .facts, messages)
          shown = label
        }
        bar?.advance(done)
      }
    }
    for memory in edits.memories {
      if memory.action.loop != nil {
        messages.say(
          "\(memory.name): the model asks itself before it answers; only what it says is measured.")
      }
      let bar = Progress(memory.name, total: count * ways.count, unit: .facts, messages)
      defer { bar.finish() }
      try comparison.compare(memory, ways, in: &series) { _, done in bar.advance(done) }
    }
    comparison.finish()
    return comparison
  }
}
