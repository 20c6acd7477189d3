import ArgumentParser
import Editing
import LinearAlgebra
import ModelFiles
import Patches
import Transformer

struct EditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Turns a list of facts into a patch.",
    discussion: """
      For every fact: finds the hidden state at the subject's last token that makes the model say the target (its value), \
      spreads what is missing over the edited layers, and solves, layer by layer, for the update that stores it while moving \
      known keys least. The patch says what became of each fact, measured with the rounded weights it leads to.

      FACTS is JSON or JSON lines: {"prompt": "{} was born in", "subject": "Ada", "target": "Oslo"}, or the records of \
      CounterFact, zsRE, EasyEdit, KnowEdit or MQuAKE (Formats/facts.md). Statistics come from `errata stats`; with --corpus they are \
      collected on the way. Layers and numbers come from the published recipe for the model, or are derived from its size; \
      options and --recipe change them.

      Two methods find no values. ultraedit reads what is to be stored off one gradient of each fact's loss, at every token; it \
      takes neither statistics nor subjects. ft-l trains one layer's weight and keeps every element near where it was; its \
      patch holds a dense change.

      Example:
        errata edit llama/ --facts facts.json --statistics llama.stats.safetensors -o fix.errata
      """)
  @Argument(help: "The model; only read.")
  var model: String
  @OptionGroup(title: "Facts") var facts: FactOptions
  @Option(help: "Second moments (Formats/statistics.md).")
  var statistics: String?
  @Option(help: "Instead of --statistics: text to collect them from.")
  var corpus: [String] = []
  @Option(help: "Where to keep the statistics collected from --corpus.")
  var saveStatistics: String?
  @Option(name: .shortAndLong, help: "The patch.")
  var output: String?
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Values") var values: ValueOptions
  @OptionGroup(title: "Sequences") var sequence: SequenceOptions
  @OptionGroup(title: "Storage") var storage: StorageOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    if output == nil, values.shard == nil {
      throw ValidationError("Missing expected argument '--output <output>'")
    }
    if facts.path == nil, sequence.drop.isEmpty {
      throw ValidationError("Missing expected argument '--facts <facts>'")
    }
    if values.shard != nil, values.saveValues == nil {
      throw ValidationError("--shard computes values only; give --save-values FILE.")
    }
    if values.shard != nil, storage.recordCost {
      throw ValidationError("--record-cost is for a patch; --shard computes values only.")
    }
    if let method = EditMethod(name: method.method), !method.optimizesValues,
      values.saveValues != nil || !values.values.isEmpty
    {
      throw ValidationError(
        "\(method.rawValue) optimizes no values: --values and --save-values do not apply.")
    }
    if statistics != nil, !corpus.isEmpty {
      throw ValidationError("Give one of --statistics and --corpus.")
    }
  }

  func run() throws {
    try doing("cannot edit \(model)", messages) {
      let running = try RunningModel(model, threads: threads.count, messages)
      let inputs =
        running.network.model.inputPaths + [facts.path, statistics, sequence.onto].compactMap { $0 }
      for path in [output, values.saveValues, saveStatistics].compactMap({ $0 }) {
        try requireDistinct(path, from: inputs)
      }
      let earlier = try sequence.onto.map { try PatchedEdits(PatchFile($0)) }
      if let earlier, facts.path == nil { return try drop(from: earlier, running) }
      if let earlier {
        try PatchRun(earlier.patch, running.network.model, threads: threads.count).requireSource(of: .apply)
      }
      let chosen = try earlier?.recipe.update.method ?? method.settings().method
      let new = try facts.read(needsSubject: chosen.needsSubject, messages)
      var records = (earlier?.records(with: new) ?? new).filter { record in
        !sequence.drop.contains(record.fact.identifier) || new.contains(record)
      }
      var recipe = try method.recipe(for: running.network.configuration, earlier: earlier)
      try values.change(&recipe)
      if earlier == nil { recipe.values.seed = storage.seed }
      records = try inspected(records, running, recipe.update.method, skipsBad: facts.skipBad, messages)
      if values.shard != nil { return try computeValues(running, records, recipe) }

      var run = try FactEditRun(
        network: running.network, tokenizer: running.tokenizer, records: records, statistics: nil,
        recipe: recipe, options: storage.options(threads: threads.count))
      try run.requireEditableWeights()
      run.statistics = try collectedStatistics(running, recipe)
      try values.fill(&run)
      sequence.fill(&run, earlier: earlier)
      run.recordsCost = storage.recordCost
      if let statistics = run.statistics {
        try warnOfOrigin(statistics, for: running.network.model, messages)
      }
      let progress = EditProgress(messages)
      let report = try run.write(
        to: output!, tool: Errata.tool, saveValues: values.saveValues, progress: progress.show)
      progress.finish()
      show(report)
    }
  }

  /// A patch without some facts, from what it carries.
  private func drop(from edits: PatchedEdits, _ running: RunningModel) throws {
    let card = try FactRemoval(edits, model: running.network.model, threads: threads.count)
      .write(
        dropping: sequence.drop, to: output!, tool: Errata.tool, recordsCost: storage.recordCost)
    for warning in card.warnings { messages.say("Warning: \(warning)") }
    if let patch = card.patch { messages.answer(Shown.patch(patch, verbose: messages.verbose).text) }
    messages.say("The patch is \(output!). Nothing else was changed.")
    if messages.json { Console.output(card.json(path: output!).indentedText) }
  }

  private func computeValues(_ running: RunningModel, _ records: [FactRecord], _ recipe: EditRecipe) throws {
    var run = try FactEditRun(
      network: running.network, tokenizer: running.tokenizer, records: records, statistics: nil,
      recipe: recipe,
      options: storage.options(threads: threads.count))
    try values.fill(&run)
    let progress = EditProgress(messages)
    let found = try run.writeValues(
      to: values.saveValues!, part: values.shard?.shard, progress: progress.show)
    progress.finish()
    messages.answer("Values of \(Numbers.count(found.count, "fact")) are in \(values.saveValues!).")
    if messages.json {
      Console.output(
        (["values": .string(values.saveValues!), "count": .integer(found.count)] as JSONValue).indentedText)
    }
  }

  /// Statistics from a file, or collected from the corpus.
  private func collectedStatistics(_ running: RunningModel, _ recipe: EditRecipe) throws -> StatisticsFile? {
    if let statistics { return try method.statistics(statistics) }
    guard recipe.update.usesSecondMoment else { return nil }
    guard !corpus.isEmpty else { throw EditError.methodNeedsSecondMoment(method: recipe.update.method) }
    var collection = try StatisticsCollection(
      network: running.network, tokenizer: running.tokenizer, corpus: Corpus(corpus), layers: recipe.layers)
    // Ten tokens for each entry of a key are enough in practice; more cost time and change little.
    collection.tokenLimit = 10 * running.network.configuration.feedForwardWidth
    messages.say(
      "Collecting second moments of layers \(recipe.layers.map(String.init).joined(separator: ", ")) over at most "
        + "\(Numbers.quantity(collection.tokenLimit!)) tokens; `errata stats` makes them once for many edits."
    )
    let path = saveStatistics ?? Folder.temporaryPath(for: output!)
    defer { if saveStatistics == nil { Folder.remove(path) } }
    let progress = Progress("collecting", total: try Corpus(corpus).byteCount(), messages)
    var done = 0
    _ = try collection.write(to: path) { state in
      progress.advance(state.bytesRead - done)
      done = state.bytesRead
    }
    progress.finish()
    return try method.statistics(path)
  }

  private func show(_ report: FactEditReport) {
    for warning in report.warnings { messages.say("Warning: \(warning)") }
    messages.answer(report.text(verbose: messages.verbose))
    messages.say("The patch is \(output!). Nothing else was changed.")
    if messages.json { Console.output(report.json(path: output!).indentedText) }
  }
}
