import ArgumentParser
import Editing
import ModelFiles
import Transformer

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains an editor for a model, which makes updates of gradients (MEND, KE).",
    discussion: """
      For records with paraphrases and neighbors (CounterFact has them): makes an update of each fact's gradient, asks the edited \
      model about the fact in other words and about a neighbor, and trains the editor until facts that it has not seen come out \
      right. The editor knows its model alone; a part of the records, held out, says how good it is, and chooses the best.

      Killed, it goes on where it was: run the same command again. More records make a better editor; a few hundred are few.

      Example:
        errata train llama/ --data counterfact.json -o llama.editor.safetensors
        errata edit llama/ --facts facts.json --method mend --editor llama.editor.safetensors -o fix.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(
    name: .customLong("data"), help: "Records with neighborhood prompts (Formats/facts.md).",
    completion: .file())
  var path: String
  @OptionGroup var choice: FactChoiceOptions
  @Option(
    name: .customLong("editor"),
    help: ArgumentHelp(
      "What to train: \(EditorKind.all.map { "\($0.name) (\($0.summary))" }.joined(separator: ", or ")).",
      valueName: "kind"), completion: .list(EditorKind.all.map(\.name)), transform: Self.kind)
  var kind = EditorKind.mend
  @Option(name: .shortAndLong, help: "The editor (Formats/editor.md).", completion: .file())
  var output: String
  @Option(help: "Layers it changes: 20-22 (default: three, up to three quarters of the depth).")
  var layers: LayerList?
  @Option(help: "Rank of MEND's network (published: 1920), or numbers of KE's (published: 128).")
  var rank = 128
  @Option(help: "Steps at most.")
  var steps = 2000
  @Option(help: "Edits of a step.")
  var batch = 8
  @Option(
    help:
      "Length of a step (default: \(EditorKind.all.map { "\($0.learningRate) for \($0.name)" }.joined(separator: ", ")))."
  )
  var learningRate: Double?
  @Option(help: "Weight of an edit beside its neighbors: more stores more, less keeps more.")
  var editWeight = 0.1
  @Option(help: "Share of the records that is held out, at most 64 of them.")
  var heldOut = 0.1
  @Option(help: "Seed of its first numbers and of the order.")
  var seed: UInt64 = 0
  @Option(help: ArgumentHelp("Seconds between two partial files.", visibility: .hidden))
  var saveInterval = 60.0
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  private static func kind(_ name: String) throws -> EditorKind {
    guard let kind = EditorKind(name: name) else {
      throw ValidationError(
        "--editor takes \(EditorKind.all.map(\.name).joined(separator: " or ")), not \(name).")
    }
    return kind
  }

  func validate() throws {
    try layers?.requireNumbers()
    for (name, value) in [("--rank", rank), ("--steps", steps), ("--batch", batch)] where value < 1 {
      throw ValidationError("\(name) takes a number above zero.")
    }
    if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate takes a number above zero.")
    }
    if !(editWeight > 0 && editWeight.isFinite) {
      throw ValidationError("--edit-weight takes a number above zero.")
    }
    if !(heldOut > 0 && heldOut < 1) {
      throw ValidationError("--held-out takes a number between zero and one.")
    }
  }

  func run() throws {
    try doing("cannot train an editor for \(model)", messages) {
      Interruption.end(.saves)
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output]).check(inputs: [path], models: [running.network.model])
      var reading = FactsReading()
      reading.subjects = .free
      let records = try choice.choice.read(path, reading, messages).checked()
      var settings = EditorSettings(kind, layerCount: running.network.configuration.layerCount)
      if let layers { settings.layers = layers.numbers.sorted() }
      (settings.rank, settings.steps, settings.batch) = (rank, steps, batch)
      settings.learningRate = learningRate ?? kind.learningRate
      (settings.editWeight, settings.heldOut, settings.seed) = (editWeight, heldOut, seed)
      var training = EditorTraining(
        network: running.network, tokenizer: running.tokenizer, records: records, settings: settings)
      training.saveInterval = saveInterval
      training.isStopping = { Interruption.isStopping }
      let shown = EditorProgress(messages, records.count, steps)
      let result = try training.write(to: output, progress: shown.show)
      shown.finish()
      if result.leftOut > 0 {
        messages.say(
          "Warning: \(Numbers.count(result.leftOut, "record")) were left out: without a neighbor, or too long."
        )
      }
      if result.resumed > 0 {
        messages.say("Went on after \(Numbers.count(result.resumed, "step")) of an interrupted run.")
      }
      let measures = result.editor.measures
      messages.answer(
        "editor: \(kind), layers \(settings.layers.map(String.init).joined(separator: ", ")), rank \(rank), best after \(Numbers.count(result.editor.steps, "step"))"
          + " on \(Numbers.count(result.trained, "fact"))")
      if let measures {
        messages.answer(
          "of \(Numbers.count(measures.count, "fact")) held out: said \(Numbers.percent(measures.efficacy)), paraphrases \(Numbers.percent(measures.paraphrase)), neighbors kept \(Numbers.percent(measures.locality))"
        )
        if measures.efficacy < 0.9 {
          messages.say(
            "Warning: of ten facts that it was not trained on, it stores fewer than nine. Give more records, or more --steps."
          )
        }
      }
      messages.say("The editor is \(output).")
      if messages.json {
        Console.output(
          JSONValue.object([
            .init("editor", .string(output)), .init("kind", .string(kind.name)),
            .init("layers", .array(settings.layers.map { .integer($0) })),
            .init("steps", .integer(result.editor.steps)), .init("trained", .integer(result.trained)),
            .init("leftOut", .integer(result.leftOut)),
            .init("heldOut", measures?.json ?? .null),
          ]).indentedText)
      }
    }
  }
}

/// What a training tells on the way.
private final class EditorProgress {
  private let messages: OutputOptions
  private let preparing: Progress
  private let steps: Int
  private var training: Progress?

  init(_ messages: OutputOptions, _ records: Int, _ steps: Int) {
    (self.messages, self.steps) = (messages, steps)
    preparing = Progress("reading", total: records, unit: .facts, messages)
  }

  /// Takes the line away.
  func finish() {
    preparing.finish()
    training?.finish()
  }

  func show(_ stage: EditorTraining.Stage) {
    switch stage {
    case .prepared: preparing.advance(1)
    case .estimated(let seconds):
      guard seconds >= 60 else { return }
      messages.say("About \(Numbers.significant(seconds / 60, 2)) minutes to go, if it takes all its steps.")
    case .step:
      if training == nil {
        preparing.finish()
        training = Progress("training", total: steps, unit: .steps, messages)
      }
      training?.advance(1)
    case .validated(let step, let measures):
      guard messages.verbose else { return }
      messages.say(
        "step \(step): said \(Numbers.percent(measures.efficacy)), paraphrases \(Numbers.percent(measures.paraphrase)), kept \(Numbers.percent(measures.locality))"
      )
    }
  }
}
