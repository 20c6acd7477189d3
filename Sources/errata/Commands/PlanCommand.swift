import ArgumentParser
import Editing
import Evaluation
import Floor
import ModelFiles
import Transformer

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Says what editing these facts will take: hours, memory, disk; and writes the batch script.",
    discussion: """
      Measures for some seconds what rows cost in this model on this machine, counts the facts' texts, and multiplies \
      (Design/cluster.md has the formulas). Processor hours are those of all parts together; memory is each process's, with the \
      pages of the model. Steps of values are counted to the last one, so most facts take less.

      With --tasks the batch script for so many tasks is made, which collects statistics (with --corpus), finds values, edits and \
      evaluates, each part by a task of its own, and puts the parts together: `sh SCRIPT FOLDER` runs it.

      Example:
        errata plan llama/ --facts facts.json --corpus wiki.txt.zst --tasks 16 -o job.sh
        sh job.sh work/
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(name: .customLong("facts"), help: "The facts (Formats/facts.md).", completion: .file())
  var path: String
  @OptionGroup var choice: FactChoiceOptions
  @Option(
    help: ArgumentHelp(
      "\(EditMethod.list(EditMethod.all.filter(\.optimizesValues))) (default: memit).", valueName: "method"),
    transform: MethodOptions.method)
  var method = EditMethod.memit
  @Option(help: "Layers: 3-8, or 3,5,8 (default: those of the recipe).")
  var layers: LayerList?
  @Option(help: "JSON list of texts with one {} each (default: five of usual length).", completion: .file())
  var contexts: String?
  @Option(help: "Second moments that are there already (Formats/statistics.md).", completion: .file())
  var statistics: String?
  @Option(help: "Text to collect second moments from.", completion: .file())
  var corpus: [String] = []
  @Option(help: "Tokens that are collected (default: ten for each input of an edited weight).")
  var tokens: Int?
  @Option(help: "Tasks that the work is handed out to; a batch script for them is made.")
  var tasks: Int?
  @Option(
    help: ArgumentHelp("What starts the tasks: \(BatchScript.Launcher.allNames).", valueName: "launcher"))
  var launcher: BatchScript.Launcher?
  @Option(name: .shortAndLong, help: "The batch script (default: shown).", completion: .file())
  var output: String?
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    try layers?.requireNumbers()
    if let tokens, tokens < 1 { throw ValidationError("--tokens takes a number above zero.") }
    if let tasks, !(1...100_000).contains(tasks) {
      throw ValidationError("--tasks takes a number from 1 to 100000.")
    }
    guard method.optimizesValues else {
      let planned = EditMethod.list(EditMethod.all.filter(\.optimizesValues), joining: "and")
      throw ValidationError(
        "\(method.name) finds no values, and what it takes instead is not known here: \(planned) can be planned for."
      )
    }
    if statistics != nil, !corpus.isEmpty {
      throw ValidationError("Give one of --statistics and --corpus.")
    }
    if statistics != nil, tokens != nil {
      throw ValidationError(
        "--tokens is for statistics that are still to be collected; --statistics has them.")
    }
    guard tasks != nil else {
      for (option, isGiven) in [("--launcher", launcher != nil), ("--output", output != nil)] where isGiven {
        throw ValidationError("\(option) is for the batch script; give --tasks N.")
      }
      return
    }
    if statistics == nil, corpus.isEmpty {
      throw ValidationError("A batch script for \(method.name) needs --corpus TEXT or --statistics FILE.")
    }
  }

  func run() throws {
    try doing("cannot plan the edit of \(model)", messages) {
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output]).check(
        inputs: [path, statistics, contexts] + corpus, models: [running.network.model])
      var reading = FactsReading()
      reading.subjects = method.needsSubject ? .needed : .free
      let records = try choice.choice.read(path, reading, messages).checked()
      var options = PlanOptions()
      options.method = method
      if let layers = layers?.json { options.settings.append((.layers, layers)) }
      options.contexts = try contexts.map { try ContextTemplate.read($0) }
      let edit = try Edit(
        network: running.network, tokenizer: running.tokenizer, records: records, statistics: nil,
        plan: options.plan(for: running.network.configuration))
      let count = statistics == nil ? tokens ?? running.network.configuration.tokens(forEachInput: 10) : nil
      let plan = try WorkPlan(.init(edit, tokens: count))
      let report = PlanReport(
        plan: plan, network: running.network, tokens: count, layers: edit.plan.recipe.layers)
      let script = tasks.map {
        BatchScript(
          self, plan, layers: edit.plan.recipe.layers, tokens: count, tasks: $0, threads: threads.count
        ).text
      }
      messages.answer(report.text)
      if let script { try keep(script) }
      if messages.json { Console.output(report.json(script: output == nil ? script : nil).indentedText) }
    }
  }

  private func keep(_ script: String) throws {
    guard let output else { return messages.answer("\n" + script) }
    let file = try AtomicFile(output)
    try file.file.write(Array(script.utf8), at: 0)
    try file.commit()
    messages.say("The batch script is \(output).")
  }
}
