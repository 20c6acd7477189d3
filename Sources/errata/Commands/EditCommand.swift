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

      With --chat a fact is to hold in a chat as well as plainly: the prompt alone and every second context go through the model's \
      template, and the report tells both. Prompts that read as questions or requests suit a chat best.

      Methods (--method):
      \(EditMethod.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      Methods that leave the weights alone, and keep the facts in the patch (Formats/memory.md):
      \(MemoryMethod.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      Example:
        errata edit llama/ --facts facts.json --statistics llama.stats.safetensors -o fix.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @OptionGroup(title: "Facts") var facts: FactOptions
  @Option(help: "Second moments (Formats/statistics.md).", completion: .file())
  var statistics: String?
  @Option(
    help:
      "Instead of --statistics: text to collect them from. Of methods that add neurons: text on which these are to be quiet.",
    completion: .file())
  var corpus: [String] = []
  @Option(help: "Where to keep the statistics collected from --corpus.", completion: .file())
  var saveStatistics: String?
  @Flag(
    help:
      "Of methods that add neurons (\(EditMethod.list(EditMethod.all.filter(\.readsText)))): make all layers wider, so that no other neuron goes; the patch changes config.json or GGUF metadata too, and is applied with -o. Takes the model's room on the disk meanwhile."
  )
  var widen = false
  @Option(
    help:
      "Of methods that apply a trained editor (\(EditMethod.list(EditMethod.all.filter(\.takesEditor)))): what `errata train` has made.",
    completion: .file())
  var editor: String?
  @Option(name: .shortAndLong, help: "The patch.", completion: .file())
  var output: String?
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Values") var values: ValueOptions
  @OptionGroup(title: "Chat") var chat: ChatOptions
  @OptionGroup(title: "Memories") var memory: MemoryOptions
  @OptionGroup var second: SecondModelOptions
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
    if statistics != nil, !corpus.isEmpty {
      throw ValidationError("Give one of --statistics and --corpus.")
    }
    if saveStatistics != nil, corpus.isEmpty {
      throw ValidationError("--save-statistics keeps those that are collected from --corpus; give both.")
    }
    if let memoryMethod = method.memory { return try validateMemory(memoryMethod) }
    let forMemories = memory.given + (second.isGiven ? ["--counterfactual"] : [])
    if method.method != nil || sequence.onto == nil, let option = forMemories.first {
      throw ValidationError(
        "\(option) is for methods that leave the weights alone (\(MethodChoice.memories)); \((chosen ?? .memit).name) changes them."
      )
    }
    try requireUsable(asked, for: chosen)
    try method.requireUse(of: statisticsOption, by: chosen)
    try values.requireUse(by: chosen)
    if editor != nil, let chosen, !chosen.takesEditor {
      throw ValidationError("\(chosen.name) applies no trained editor: --editor does not apply.")
    }
    if facts.path == nil, let option = givenOptions.first {
      throw ValidationError(
        "\(option) does not apply: --drop without --facts solves again with what the patch carries, as its plan says."
      )
    }
    if values.shard != nil { try requireValuesOnly() }
  }

  /// Refuses, with --shard, what is for a patch.
  private func requireValuesOnly() throws {
    guard values.saveValues != nil else {
      throw ValidationError("--shard computes values only; give --save-values FILE.")
    }
    let forPatches = [
      ("--output", output != nil), ("--record-cost", storage.recordCost), ("--onto", sequence.onto != nil),
      ("--no-resolve", sequence.noResolve), ("--save-statistics", saveStatistics != nil),
    ]
    for (option, isGiven) in forPatches where isGiven {
      throw ValidationError("\(option) is for a patch; --shard computes values only.")
    }
    if sequence.sequence == .accumulate {
      throw ValidationError(
        "--shard computes values on the base; --sequence accumulate finds them on what earlier batches left.")
    }
  }

  /// The method, as far as the command line says; `nil` where a patch does.
  private var chosen: EditMethod? { method.method ?? (sequence.onto == nil ? .memit : nil) }
  private var statisticsOption: String? {
    statistics != nil ? "--statistics" : corpus.isEmpty ? nil : "--corpus"
  }

  private var asked: PlanOptions {
    var options = PlanOptions()
    options.method = method.method
    if memory.like == .easyedit { options.settings.append((.like, "easyedit")) }
    options.settings += method.settings
    if widen { options.settings.append((.widen, true)) }
    values.fill(&options)
    sequence.fill(&options)
    storage.fill(&options)
    return options
  }

  /// What is given that decides how edits are found and solved for.
  var givenOptions: [String] {
    let names: [(String, Bool)] = [
      ("--method", method.choice != nil), ("--recipe", values.recipe != nil),
      ("--contexts", values.contexts != nil), ("--chat", chat.chat), ("--rome-compat", values.romeCompat),
      ("--values", !values.values.isEmpty), ("--save-values", values.saveValues != nil),
      ("--shard", values.shard != nil), ("--factor-type", storage.factorType != nil),
      ("--rounding", storage.rounding != nil), ("--promote", storage.promote != nil),
      ("--seed", storage.seed != nil),
      ("--without-begin", method.withoutBegin), ("--no-resolve", sequence.noResolve),
    ]
    return (statisticsOption.map { [$0] } ?? []) + (asked.trace == nil ? [] : ["--layers"])
      + asked.settings.compactMap(\.setting.option)
      + names.filter(\.1).map(\.0)
  }

  func run() throws {
    try doing("cannot edit \(model)", messages) {
      if let used = method.memory { return try remember(used) }
      if values.shard != nil { Interruption.end(.saves) }
      let saveValues = try values.saveValues.map {
        try ShardArgument.name($0, option: "--save-values", of: values.shard)
      }
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output, "--save-values": saveValues, "--save-statistics": saveStatistics])
        .check(
          inputs: [
            facts.path, statistics, editor, sequence.onto, values.recipe, values.contexts,
            values.layers?.trace,
            chat.template,
          ] + corpus
            + values.values,
          models: [running.network.model])
      let onto = try sequence.onto.map { try PatchFile($0) }
      if let used = try memoryMethod(onto: onto) { return try remember(used, onto: onto, running) }
      let earlier = try onto.map { try PatchedEdits($0) }
      if let earlier, facts.path == nil { return try drop(from: earlier, running) }
      if let earlier {
        try PatchRun(earlier.patch, running.network.model, threads: threads.count).requireSource(of: .apply)
      }
      let used = chosen ?? earlier?.plan.method ?? .memit
      let new = try facts.read(needsSubject: used.needsSubject, messages)
      var records = try earlier?.records(with: new, dropping: sequence.drop) ?? new
      var options = asked
      options.contexts = try values.contexts.map { try ContextTemplate.read($0) }
      options.chat = try chat.frame(for: running.network.model)
      let learned = try editor.map { try LearnedEditor($0) }
      if let learned, !options.settings.contains(where: { $0.setting == .layers }) {
        options.settings.append((.layers, .array(learned.layers.map { .integer($0) })))
      }
      let plan = try options.plan(for: running.network.configuration, goingOnWith: earlier)
      if let trace = options.trace { try warnOfOrigin(ofTrace: trace, running, messages) }
      records = try inspected(
        records, running, plan.method, chat: plan.chat, skipsBad: facts.choice.skipBad, messages)
      var edit = try Edit(
        network: running.network, tokenizer: running.tokenizer, records: records, statistics: nil, plan: plan)
      if storage.rounding != nil, edit.plan.rounding == .aware {
        throw EditError.optionNeeds("--rounding", other: "weights that are not quantized: codes are chosen")
      }
      edit.knownValues = try values.values.map { try ValuesFile($0) }
      if values.shard != nil { return try computeValues(edit, to: saveValues!) }

      try edit.requireEditableWeights()
      edit.statistics = try usedStatistics(running, plan)
      if plan.method.readsText, !corpus.isEmpty {
        edit.aids.text = try OrdinaryText(of: Corpus(corpus), for: running.network, running.tokenizer)
      }
      edit.aids.editors = learned.map { [$0] } ?? []
      edit.earlier = earlier
      edit.keepsEdits = !sequence.noResolve
      edit.recordsCost = storage.recordCost
      let progress = EditProgress(messages)
      let report = try edit.write(
        to: output!, tool: Errata.tool, saveValues: saveValues, progress: progress.show)
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
    if let patch = card.patch { try messages.answer(Shown.patch(patch, verbose: messages.verbose).text) }
    messages.say("The patch is \(output!). Nothing else was changed.")
    if messages.json { Console.output(card.json(path: output!).indentedText) }
  }

  private func computeValues(_ edit: Edit, to path: String) throws {
    let progress = EditProgress(messages)
    var saving = Edit.ValuesSaving()
    saving.isStopping = { Interruption.isStopping }
    let shard = try values.shard?.place()
    let (count, resumed) = try edit.writeValues(
      to: path, part: shard, saving: saving, progress: progress.show)
    progress.finish()
    if resumed > 0 { messages.say("Went on after \(Numbers.count(resumed, "value")) of an interrupted run.") }
    messages.answer(
      "Values of \(Numbers.count(count, "fact")) are in \(path)\(shard.map { ", part \($0.words)" } ?? "").")
    if messages.json {
      var object: [JSONValue.Member] = [.init("values", .string(path)), .init("count", .integer(count))]
      if let shard {
        object.append(.init("part", ["number": .integer(shard.number), "count": .integer(shard.count)]))
      }
      Console.output(JSONValue.object(object).indentedText)
    }
  }

  /// Statistics from a file, or collected from the corpus; `nil` for methods that go without.
  private func usedStatistics(_ running: RunningModel, _ plan: EditPlan) throws -> StatisticsFile? {
    guard plan.recipe.update.usesSecondMoment else {
      if plan.method.readsText {
        if statistics != nil { throw EditError.optionOfAnotherMethod("--statistics", method: plan.method) }
        if saveStatistics != nil {
          throw EditError.optionOfAnotherMethod("--save-statistics", method: plan.method)
        }
        return nil
      }
      if let option = statisticsOption { throw EditError.optionOfAnotherMethod(option, method: plan.method) }
      return nil
    }
    if let statistics {
      let file = try method.statistics(statistics)
      try warnOfOrigin(file, for: running.network.model, messages)
      return file
    }
    guard !corpus.isEmpty else { throw EditError.methodNeedsSecondMoment(method: plan.method) }
    return try collected(running, plan.recipe)
  }

  private func collected(_ running: RunningModel, _ recipe: EditRecipe) throws -> StatisticsFile {
    var collection = try StatisticsCollection(
      network: running.network, tokenizer: running.tokenizer, corpus: Corpus(corpus), layers: recipe.layers)
    // Ten tokens for each entry of a key are enough in practice; more cost time and change little.
    collection.tokenLimit = running.network.configuration.tokens(forEachInput: 10)
    messages.say(
      "Collecting second moments of layers \(recipe.layers.map(String.init).joined(separator: ", ")) over at most "
        + "\(Numbers.quantity(collection.tokenLimit!)) tokens; `errata stats` makes them once for many edits."
    )
    let scratch = try saveStatistics == nil ? ScratchFolder(beside: output!) : nil
    defer { withExtendedLifetime(scratch) {} }
    let path = saveStatistics ?? scratch!.path("statistics.safetensors")
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
