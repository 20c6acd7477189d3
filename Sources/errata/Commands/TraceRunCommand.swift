import ArgumentParser
import Editing
import ModelFiles
import Transformer

struct TraceRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Finds the layers at which a model recalls facts (what `errata trace MODEL` does).",
    discussion: """
      For every fact that the model knows: runs its prompt with noise on the subject's embeddings, puts one activation of the \
      clean run back, and looks how much of the answer's probability returns: the hidden state after a layer, the outputs of \
      the feed-forwards in a window of layers, or those of attention. Effects are means over tokens of a kind, of all facts; facts \
      that the model does not know are counted and left out. A file of facts about the world as it is does best; of \
      CounterFact's records, the true answer is asked for.

      Where the feed-forwards' effect at the subjects' last tokens is largest, an edit finds what it is to change: these are \
      the layers for `edit --layers traced:FILE`, and what --save-recipe writes.

      --neurons lists the neurons that hold each answer instead: entries of the down-projections' inputs, by integrated gradients, \
      refined over the record's paraphrases; what `edit --method kn` would change.

      With -o, a run that was killed goes on where it was, and one with more facts with those it lacks. --shard traces one part of the \
      facts on one of several machines; `errata trace merge` puts the parts together.

      Example:
        errata trace llama/ --facts known.json --limit 50 -o llama.trace.json --report trace.html
        errata edit llama/ --facts facts.json --statistics llama.stats.safetensors --layers traced:llama.trace.json -o fix.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(name: .customLong("facts"), help: "The facts (Formats/facts.md).", completion: .file())
  var path: String
  @OptionGroup var choice: FactChoiceOptions
  @Option(
    name: .shortAndLong, help: "Keep the traces (Formats/trace.md), and go on with those it has.",
    completion: .file())
  var output: String?
  @Option(
    name: .customLong("report"),
    help: ArgumentHelp("Also write a page with heat maps (HTML).", valueName: "file"), completion: .file())
  var page: String?
  @Option(help: "Write the chosen layers as a recipe, for --recipe.", completion: .file())
  var saveRecipe: String?
  @Flag(help: "List the neurons that what the model answers lies in, instead of tracing.")
  var neurons = false
  @Option(
    help: ArgumentHelp(
      "Only one part of the facts, or the one that the launcher says (auto, auto/N), into -o; `errata trace merge` puts the parts together.",
      valueName: "I/N|auto"))
  var shard: ShardArgument?
  @OptionGroup(title: "Tracing") var tracing: TraceOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    if neurons {
      let given = [
        ("--output", output != nil), ("--report", page != nil), ("--save-recipe", saveRecipe != nil),
        ("--shard", shard != nil),
      ]
      if let option = given.first(where: \.1)?.0 ?? tracing.given.first {
        throw ValidationError("\(option) is for tracing; --neurons lists neurons.")
      }
    }
    if shard != nil {
      guard output != nil else { throw ValidationError("--shard writes traces to a file; give -o FILE.") }
      for (option, isGiven) in [("--report", page != nil), ("--save-recipe", saveRecipe != nil)] where isGiven
      {
        throw ValidationError("\(option) is for all facts; --shard has a part of them.")
      }
    }
    if saveRecipe != nil, !tracing.settings.kinds.contains(.mlp) {
      throw ValidationError("--save-recipe needs mlp among --kinds: it is what layers are chosen by.")
    }
  }

  func run() throws {
    try doing("cannot trace \(model)", messages) {
      let output = try output.map { try ShardArgument.name($0, option: "-o", of: shard) }
      if output != nil { Interruption.end(.saves) }
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output, "--report": page, "--save-recipe": saveRecipe]).check(
        inputs: [path], models: [running.network.model])
      var reading = FactsReading()
      reading.subjects = .needed
      let whole = try choice.choice.open(path, reading, messages)
      let facts = try choice.choice.chosen(from: whole).checked().map(\.fact)
      if neurons { return try list(choice.choice.chosen(from: whole).checked(), running) }
      let all = whole.records.map(\.fact)
      var run = try Tracing(
        network: running.network, tokenizer: running.tokenizer, settings: tracing.settings, scaledBy: all)
      run.isStopping = { Interruption.isStopping }
      run.part = try shard?.place()
      let progress = Progress("tracing", total: facts.count, unit: .facts, messages)
      let (file, known) = try run.trace(facts, to: output, progress: progress.advance)
      progress.finish()
      if known > 0 { messages.say("\(Numbers.count(known, "fact")) were traced before.") }
      if let part = run.part { return tell(part, file, output!) }
      let report = TraceReport(
        model: model, facts: path, file: file, settings: tracing.settings, deviation: run.deviation,
        layerCount: EditRecipe(for: .memit, configuration: running.network.configuration).layers.count)
      for warning in report.warnings { messages.say("Warning: \(warning)") }
      messages.answer(report.text(verbose: messages.verbose))
      if let saveRecipe { try write(try report.recipe(or: output ?? path), to: saveRecipe) }
      if let page {
        try TracePage(report).write(to: page)
        messages.say("The report is \(page).")
      }
      if messages.json { Console.output(report.json.indentedText) }
    }
  }

  private func tell(_ part: Corpus.Shard, _ file: TraceFile, _ output: String) {
    let (traced, unknown) = (file.facts.count, file.unknown.count)
    messages.answer(
      "\(Numbers.count(traced, "traced fact")) and \(unknown) not known to the model are in \(output), part \(part.words)."
    )
    guard messages.json else { return }
    let place: JSONValue = ["number": .integer(part.number), "count": .integer(part.count)]
    Console.output(
      ([
        "output": .string(output), "facts": .integer(traced), "unknown": .integer(unknown), "part": place,
      ] as JSONValue).indentedText)
  }

  /// The neurons of each fact.
  private func list(_ records: [FactRecord], _ running: RunningModel) throws {
    let listing = try NeuronListing(network: running.network, tokenizer: running.tokenizer)
    let progress = Progress("attributing", total: records.count, unit: .facts, messages)
    var table = Table([("prompt", .left), ("answer", .left), ("p", .right), ("neurons: layer.entry", .left)])
    var facts: [JSONValue] = []
    for record in records {
      let found = try listing.find(record)
      progress.advance(1)
      let words = found.neurons.map {
        "\($0.layer).\($0.index) (\(Numbers.percent($0.attribution)))"
      }.joined(separator: ", ")
      table.add([
        Numbers.oneLine(record.fact.filledPrompt), Numbers.oneLine(found.answer),
        Numbers.percent(found.probability),
        words.isEmpty ? "none" : words,
      ])
      facts.append([
        "prompt": .string(record.fact.filledPrompt), "answer": .string(found.answer),
        "probability": .measured(found.probability), "texts": .integer(found.textCount),
        "neurons": .array(
          found.neurons.map {
            [
              "layer": .integer($0.layer), "index": .integer($0.index),
              "attribution": .measured($0.attribution),
            ]
          }),
      ])
    }
    progress.finish()
    messages.answer(table.text())
    if messages.json { Console.output(JSONValue.object([.init("facts", .array(facts))]).indentedText) }
  }

  private func write(_ recipe: JSONValue, to path: String) throws {
    let file = try AtomicFile(path)
    try file.file.write(Array((recipe.indentedText + "\n").utf8), at: 0)
    try file.commit()
    messages.say("The recipe is \(path).")
  }
}

/// How runs are corrupted and what is restored.
struct TraceOptions: ParsableArguments {
  @Option(help: "Noise, in standard deviations of the subjects' embeddings.")
  var noise = 3.0
  @Option(help: "Corrupted runs of each fact, each with noise of its own.")
  var seeds = 10
  @Option(help: "Seed of the noise.")
  var seed: UInt64 = 0
  @Option(help: "Layers restored together, of feed-forwards and attention.")
  var window = 10
  @Option(
    help: ArgumentHelp(
      "What is restored: \(TraceKind.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "kinds"))
  var kinds = TraceKind.allCases.map(\.rawValue).joined(separator: ",")

  func validate() throws {
    if !(noise > 0 && noise.isFinite) { throw ValidationError("--noise takes a number above zero.") }
    if !(1...1000).contains(seeds) { throw ValidationError("--seeds takes a number from 1 to 1000.") }
    if !(1...10_000).contains(window) { throw ValidationError("--window takes a number from 1 to 10000.") }
    let names = kinds.split(separator: ",").map(String.init)
    if let wrong = names.first(where: { TraceKind(rawValue: $0) == nil }) ?? (names.isEmpty ? kinds : nil) {
      throw ValidationError(
        "--kinds takes \(TraceKind.allCases.map(\.rawValue).joined(separator: ", ")), not \(wrong).")
    }
  }

  /// Those that differ from their defaults.
  var given: [String] {
    let all = TraceKind.allCases.map(\.rawValue).joined(separator: ",")
    return [
      ("--noise", noise != 3), ("--seeds", seeds != 10), ("--seed", seed != 0), ("--window", window != 10),
      ("--kinds", kinds != all),
    ].filter(\.1).map(\.0)
  }

  var settings: TraceSettings {
    var settings = TraceSettings()
    (settings.noise, settings.samples, settings.seed, settings.window) = (noise, seeds, seed, window)
    let names = kinds.split(separator: ",").map(String.init)
    settings.kinds = TraceKind.allCases.filter { names.contains($0.rawValue) }
    return settings
  }
}
