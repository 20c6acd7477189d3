import ArgumentParser
import Editing
import Evaluation
import Floor
import Glibc
import ModelFiles
import Patches
import Transformer

struct EvalRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Puts probes to a model, before and after edits (what `errata eval MODEL` does).",
    discussion: """
      Puts the probes of DATASET to the model, and again as if each --patch were applied; no model is written. Every number is \
      a mean over a record's prompts, then over the records; rates read as percentages, in --json as shares.

      For a prompt and an answer, p is the geometric mean of the probabilities of the answer's tokens, and
        success    p(answer) > p(rival): the target against the former one, for neighbors the former one against the target
        magnitude  p(answer) - p(rival)
        exact      every token of the answer is the most probable one, as in greedy decoding
        tokens     share of the answer's tokens that are the most probable ones (zsRE, EasyEdit)
        kept       share of places where the most probable token is that of the base (EasyEdit's locality)
        Score      harmonic mean of efficacy, paraphrase and neighborhood success
      --json has all of them, for every kind of probe, under measures, and each one's definition under definitions.

      With --output each record's answers are appended as they come, and answers that the file has already are not asked for \
      again: run the same command after a kill, or with more patches or records.

      With --chat every probe and every text that is written goes through the model's template; --choices and --perplexity stay as \
      they are. Edits of --edit then are to hold in a chat and plainly.

      --edit makes the edits itself, in memory, and compares methods: every --batch edits together from the base, and with \
      --sequential one batch on top of the other. in-context puts the new fact before each prompt instead of any edit, with --demonstrations after further facts \
      that show what is meant.

      --shard does one part of the work on one of several machines; `errata eval merge` puts the parts together, and --output with \
      the merged file then shows the tables.

      Example:
        errata eval llama/ --data counterfact.json --patch fix.errata --limit 500 --output fix.eval.jsonl
        errata eval llama/ --data counterfact.json --limit 100 --edit memit,emmet,in-context --batch 1,10,100 \
          --statistics llama.stats.safetensors --report methods.html
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @OptionGroup(title: "Records") var data: EvalDataOptions
  @Option(
    name: .customLong("patch"), help: "Evaluate as if this patch were applied; may be given several times.",
    completion: .file())
  var patches: [String] = []
  @OptionGroup var second: SecondModelOptions
  @OptionGroup(title: "Measures") var asking: EvalAskingOptions
  @OptionGroup(title: "Chat") var chat: ChatOptions
  @OptionGroup(title: "Comparing methods") var edits: EvalEditOptions
  @Option(
    help: "Append answers to this file as they come, and take from it what is known (JSON lines).",
    completion: .file())
  var output: String?
  @Option(
    name: .customLong("report"),
    help: ArgumentHelp("Also write a page with tables, curves and every fact (HTML).", valueName: "file"),
    completion: .file())
  var page: String?
  @Option(
    help: ArgumentHelp(
      "Only one part of the work, or the one that the launcher says (auto, auto/N), into --output; `errata eval merge` puts the parts together.",
      valueName: "I/N|auto"))
  var shard: ShardArgument?
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  /// Where patches lie that nobody asked to keep.
  private static var scratchFolder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

  func validate() throws {
    if asking.demonstrations != "0", !asking.inContext, !edits.comparesInContext {
      throw ValidationError("--demonstrations is for --in-context, or for --edit with in-context.")
    }
    if let asking = edits.memories.first(where: { $0.action.loop != nil }), !self.asking.generate {
      throw ValidationError(
        "\(asking.name) answers by asking itself, so that no answer can be put in its mouth: --edit \(asking.name) needs --generate."
      )
    }
    guard shard != nil else { return }
    guard output != nil else {
      throw ValidationError("--shard writes answers to a file; give --output FILE.")
    }
    for (option, isGiven) in [("--report", page != nil), ("--weights", edits.weights != nil)] where isGiven {
      throw ValidationError("\(option) is for all answers; --shard has a part of them.")
    }
  }

  func run() throws {
    try doing("cannot evaluate \(model)", messages) {
      let output = try output.map { try ShardArgument.name($0, option: "--output", of: shard) }
      let running = try RunningModel(model, threads: threads.count, messages)
      let files: [String?] = [
        data.path, asking.references, asking.idf, asking.choices, asking.perplexity, edits.statistics,
        edits.contexts, edits.layers?.trace, edits.weightsFile, chat.template,
        Int(asking.demonstrations) == nil ? asking.demonstrations : nil,
      ]
      try OutputRule(["--output": output, "--report": page]).check(
        inputs: files + edits.recipes + edits.corpus + edits.editor + patches + second.counterfactual,
        models: [running.network.model]
      )
      try edits.check(for: running.network.configuration)
      if edits.asksSecondModel {
        guard second.isGiven else {
          throw EditError.optionNeeds(
            "--edit \(MemoryMethod.serac.name)", other: "--counterfactual MODEL, which answers for its facts")
        }
      } else {
        try second.requireUse(by: patches)
      }
      let seconds = try second.models(chat, threads: threads.count, messages)
      if let trace = edits.layers?.trace { try warnOfOrigin(ofTrace: trace, running, messages) }
      let weights = try edits.criteria()
      let records = try data.read(for: edits.methods, messages)
      var settings = asking.settings
      settings.chat = try chat.frame(for: running.network.model)
      settings.demonstrations = try asking.demonstrations(data, records)
      var series = EvaluationSeries(
        records: records.records, tokenizer: running.tokenizer, settings: settings)
      try asking.fill(&series)
      series.tasks.routing = try RoutingShift(
        base: running.network, tokenizer: running.tokenizer, records: records.records, settings: settings)
      if let output {
        Interruption.end(.goesOn(from: output))
        series.model = try running.network.model.digest(threads: threads.count).hexadecimal
        if let shard {
          try series.openPart(shard.place(), at: output, asking: options())
        } else {
          series.results = try ResultsFile(output)
        }
      }
      let evaluating = Evaluating(running: running, seconds: seconds, messages: messages)
      try evaluating.base(&series)
      for patch in patches { try evaluating.patch(patch, &series) }
      if asking.inContext, !edits.comparesInContext { try evaluating.inContext(&series) }
      var compared: [ComparedRun] = []
      if edits.names != nil {
        // Several evaluations may run at a time, each with a folder of its own.
        let own = "errata-eval-\(getpid())"
        let folder = try output == nil ? ScratchFolder(beside: Folder.path(Self.scratchFolder, own)) : nil
        defer { withExtendedLifetime(folder) {} }
        let scratch = output ?? folder!.path("edits")
        compared = try evaluating.compare(edits, scratch: scratch, keepsValues: output != nil, &series)
          .compared
      }
      if let part = series.part { return try tell(part, finished: series.finishPart(), output!) }
      let report = EvalReport(
        model: model, data: data.path, series: series, patches: patches, threads: threads.count,
        asking: asking, compared: compared, weights: weights)
      report.warn(messages)
      messages.answer(report.text(verbose: messages.verbose))
      if let page {
        try EvalPage(report).write(to: page)
        messages.say("The report is \(page).")
      }
      if messages.json { Console.output(report.json.indentedText) }
    }
  }

  /// What is asked beside the records and the settings, as it was given.
  private func options() throws -> [String] {
    let given: [String?] = [
      edits.names, edits.batchList, edits.sequential.map { "\($0)" }, edits.statistics, edits.contexts,
      edits.layers.map { $0.json?.compactText ?? $0.trace ?? "" }, asking.inContext ? "in-context" : nil,
      asking.demonstrations,
    ]
    return try patches.map { try PatchFile($0).digest.hexadecimal } + given.map { $0 ?? "" } + edits.recipes
      + edits.corpus + edits.editor + second.counterfactual
  }

  private func tell(_ part: Corpus.Shard, finished count: Int, _ output: String) {
    messages.answer("\(Numbers.count(count, "answer")) are in \(output), part \(part.words).")
    guard messages.json else { return }
    let place: JSONValue = ["number": .integer(part.number), "count": .integer(part.count)]
    Console.output(
      (["output": .string(output), "answers": .integer(count), "part": place] as JSONValue).indentedText)
  }
}

/// The runs of an evaluation, one after the other.
struct Evaluating {
  let running: RunningModel
  /// Models that answer in its place where a memory says so.
  let seconds: [SecondModel]
  let messages: OutputOptions

  func base(_ series: inout EvaluationSeries) throws {
    let network = running.network
    try run("base", &series, identity: "base") { network }
  }

  func patch(_ path: String, _ series: inout EvaluationSeries) throws {
    let patch = try PatchFile(path)
    let running = running
    let cost = WorkCost(ofEdit: patch.manifest["edit"])
    let patched = patch.memory == nil ? nil : try running.patched(by: [path], answeringWith: seconds)
    if patched?.memory?.loop != nil {
      guard series.settings.speaks else {
        throw EditError.optionNeeds(
          "--patch \(path)",
          other: "--generate: the model asks itself there, and no answer can be put in its mouth")
      }
      messages.say("\(path): the model asks itself before it answers; only what it says is measured.")
    }
    try run(
      path, &series, identity: "patch \(patch.digest.hexadecimal)", memory: patched?.memory,
      making: "patching", cost: cost
    ) { try (patched ?? running.patched(by: [path])).network }
  }

  func inContext(_ series: inout EvaluationSeries) throws {
    let network = running.network
    try run("in-context", &series, identity: "base", demonstrating: true) { network }
  }

  private func run(
    _ label: String, _ series: inout EvaluationSeries, identity: String, demonstrating: Bool = false,
    memory: Memory? = nil,
    making: String? = nil, cost: WorkCost? = nil, network: @escaping () throws -> Network
  ) throws {
    let progress = Progress(label, total: series.records.count, unit: .facts, messages)
    defer { progress.finish() }
    try series.run(
      label, parts: [.init(records: 0..<series.records.count, identity: identity, network: network)],
      demonstrating: demonstrating, memory: memory, making: making, recordedCost: cost,
      progress: progress.advance)
  }
}
