import ArgumentParser
import Editing
import ModelFiles
import Transformer

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains an editor for a model: of updates (MEND, KE), or of facts' scopes (SERAC).",
    discussion: """
      For records with paraphrases and neighbors (CounterFact has them): makes an update of each fact's gradient, asks the edited \
      model about the fact in other words and about a neighbor, and trains the editor until facts that it has not seen come out \
      right. serac is trained to tell, by the model's own states, paraphrases of a fact from other prompts about its subject, those of the \
      records and such as other records' prompts make. The editor knows its model alone; a part of the records, held out, says how good it is, and chooses the best.

      Killed, it goes on where it was: run the same command again. More records make a better editor; a few hundred are few.

      With --from nothing is trained: a published MEND editor, which Fixtures/make/convert_mend.py has turned into a file, is \
      bound to the model that it was trained for.

      Example:
        errata train llama/ --data counterfact.json -o llama.editor.safetensors
        errata edit llama/ --facts facts.json --method mend --editor llama.editor.safetensors -o fix.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(
    name: .customLong("data"), help: "Records with neighborhood prompts (Formats/facts.md).",
    completion: .file())
  var path: String?
  @Option(
    help: "Instead of --data: a published MEND editor, converted, that is for this model.",
    completion: .file())
  var from: String?
  @OptionGroup var choice: FactChoiceOptions
  @Option(
    name: .customLong("editor"),
    help: ArgumentHelp(
      "What to train (default: mend): \(EditorKind.all.map { "\($0.name) (\($0.summary))" }.joined(separator: ", or ")).",
      valueName: "kind"), completion: .list(EditorKind.all.map(\.name)), transform: Self.kind)
  var chosenKind: EditorKind?
  @Option(name: .shortAndLong, help: "The editor (Formats/editor.md).", completion: .file())
  var output: String
  @Option(help: "Layers it changes: 20-22 (default: three, up to three quarters of the depth).")
  var layers: LayerList?
  @Option(
    help:
      "Rank of MEND's network (128; published: 1920), numbers of KE's (128, as published), or of SERAC's embeddings (64)."
  )
  var rank: Int?
  @Option(help: "Steps at most (default: 2000).")
  var steps: Int?
  @Option(help: "Edits of a step (default: 8).")
  var batch: Int?
  @Option(
    help:
      "Length of a step (default: \(EditorKind.all.map { "\($0.learningRate) for \($0.name)" }.joined(separator: ", ")))."
  )
  var learningRate: Double?
  @Option(
    help:
      "Of updates: weight of an edit beside its neighbors: more stores more, less keeps more (default: 0.1).")
  var editWeight: Double?
  @Option(help: "Share of the records that is held out, at most 64 of them (default: 0.1).")
  var heldOut: Double?
  @Option(
    help:
      "MEND: released, whose network only adds to a key and begins without knowing what all prompts share (default: takes that out from the start)."
  )
  var like: Like?
  @Option(help: "Seed of its first numbers and of the order (default: 0).")
  var seed: UInt64?
  @Option(help: ArgumentHelp("Seconds between two partial files.", visibility: .hidden))
  var saveInterval = 60.0
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  enum Like: String, ExpressibleByArgument, CaseIterable { case released }

  private static func kind(_ name: String) throws -> EditorKind {
    guard let kind = EditorKind(name: name) else {
      throw ValidationError(
        "--editor takes \(EditorKind.all.map(\.name).joined(separator: " or ")), not \(name).")
    }
    return kind
  }

  func validate() throws {
    try layers?.requireNumbers()
    guard (path == nil) != (from == nil) else {
      throw ValidationError("Give one of --data, to train an editor, and --from, to take a published one.")
    }
    if from != nil { return try requireNothingToTrain() }
    if let kind = chosenKind, kind.findsScopes,
      let option = [("--edit-weight", editWeight != nil), ("--layers", layers != nil)].first(where: \.1)?.0
    {
      throw ValidationError("\(option) does not apply to \(kind), which changes no weights.")
    }
    if like != nil, let kind = chosenKind, !kind.hasReleasedForm {
      throw ValidationError("--like released does not apply to \(kind), which has one form.")
    }
    for case (let name, let value?) in [("--rank", rank), ("--steps", steps), ("--batch", batch)]
    where value < 1 {
      throw ValidationError("\(name) takes a number above zero.")
    }
    if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate takes a number above zero.")
    }
    if let editWeight, !(editWeight > 0 && editWeight.isFinite) {
      throw ValidationError("--edit-weight takes a number above zero.")
    }
    if let heldOut, !(heldOut > 0 && heldOut < 1) {
      throw ValidationError("--held-out takes a number between zero and one.")
    }
  }

  private func requireNothingToTrain() throws {
    let given = [
      ("--editor", chosenKind != nil && chosenKind != .mend), ("--layers", layers != nil),
      ("--rank", rank != nil),
      ("--steps", steps != nil), ("--batch", batch != nil), ("--learning-rate", learningRate != nil),
      ("--edit-weight", editWeight != nil), ("--held-out", heldOut != nil), ("--like", like != nil),
      ("--seed", seed != nil),
    ]
    if let option = given.first(where: \.1)?.0 ?? choice.given.first {
      throw ValidationError("\(option) is for training: --from takes a published MEND editor as it is.")
    }
  }

  /// Binds a published editor to the model.
  private func bind(_ source: String) throws {
    let running = try RunningModel(model, threads: threads.count, messages)
    try OutputRule(["-o": output]).check(inputs: [source], models: [running.network.model])
    let editor = try LearnedEditor(source).bound(to: running.network, running.tokenizer)
    try editor.write(toFile: output)
    messages.answer(
      "editor: \(editor.kind), layers \(editor.layers.map(String.init).joined(separator: ", ")), published")
    if editor.leftOut > 0 {
      messages.say(
        "Warning: the published editor also changes \(Numbers.count(editor.leftOut, "other weight")); here its part for down-projections works alone, and may store less. See with `errata eval --edit mend`."
      )
    }
    messages.say("The editor is \(output).")
    if messages.json {
      Console.output(
        JSONValue.object([
          .init("editor", .string(output)), .init("kind", .string(editor.kind.name)),
          .init("layers", .array(editor.layers.map { .integer($0) })),
          .init("leftOut", .integer(editor.leftOut)),
        ]).indentedText)
    }
  }

  func run() throws {
    try doing("cannot train an editor for \(model)", messages) {
      if let from { return try bind(from) }
      let path = self.path!
      let kind = chosenKind ?? .mend
      Interruption.end(.saves)
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output]).check(inputs: [path], models: [running.network.model])
      var reading = FactsReading()
      reading.subjects = .free
      let records = try choice.choice.read(path, reading, messages).checked()
      var settings = EditorSettings(kind, layerCount: running.network.configuration.layerCount)
      if let layers { settings.layers = layers.numbers.sorted() }
      if let rank { settings.rank = rank }
      if let steps { settings.steps = steps }
      if let batch { settings.batch = batch }
      settings.learningRate = learningRate ?? kind.learningRate
      if let editWeight { settings.editWeight = editWeight }
      if let heldOut { settings.heldOut = heldOut }
      settings.isReleased = like == .released
      if let seed { settings.seed = seed }
      var training = EditorTraining(
        network: running.network, tokenizer: running.tokenizer, records: records, settings: settings)
      training.saveInterval = saveInterval
      training.isStopping = { Interruption.isStopping }
      let shown = EditorProgress(messages, records.count, settings.steps, kind)
      let result = try training.write(to: output, progress: shown.show)
      shown.finish()
      if result.leftOut > 0 {
        messages.say(
          "Warning: \(Numbers.count(result.leftOut, "record")) were left out: \(kind.findsScopes ? "without a subject, a paraphrase or another prompt about it" : "without a neighbor, or too long")."
        )
      }
      if result.resumed > 0 {
        messages.say("Went on after \(Numbers.count(result.resumed, "step")) of an interrupted run.")
      }
      let measures = result.editor.measures
      messages.answer(
        "editor: \(kind), layers \((settings.layers + settings.ends).map(String.init).joined(separator: ", ")), rank \(settings.rank), best after \(Numbers.count(result.editor.steps, "step"))"
          + " on \(Numbers.count(result.trained, "fact"))")
      if let measures { tell(measures, kind) }
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

extension TrainCommand {
  /// What the editor makes of facts that it was not trained on.
  private func tell(_ measures: EditorMeasures, _ kind: EditorKind) {
    let count = Numbers.count(measures.count, "fact")
    guard kind.findsScopes else {
      messages.answer(
        "of \(count) held out: said \(Numbers.percent(measures.efficacy)), paraphrases \(Numbers.percent(measures.paraphrase)), neighbors kept \(Numbers.percent(measures.locality))"
      )
      if measures.efficacy < 0.9 {
        messages.say(
          "Warning: of ten facts that it was not trained on, it stores fewer than nine. Give more records, or more --steps."
        )
      }
      return
    }
    let right = (measures.paraphrase + measures.locality) / 2
    messages.answer(
      "of \(count) held out: paraphrases in scope \(Numbers.percent(measures.paraphrase)), other prompts about the subject outside \(Numbers.percent(measures.locality)), right \(Numbers.percent(right))"
    )
    if right < 0.9 {
      messages.say(
        "Warning: of ten prompts that it was not trained on, it sees fewer than nine right. Give more records, or more --steps."
      )
    }
  }
}

/// What a training tells on the way.
private final class EditorProgress {
  private let messages: OutputOptions
  private let preparing: Progress
  private let steps: Int
  private let findsScopes: Bool
  private var training: Progress?

  init(_ messages: OutputOptions, _ records: Int, _ steps: Int, _ kind: EditorKind) {
    (self.messages, self.steps, findsScopes) = (messages, steps, kind.findsScopes)
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
        "step \(step): "
          + (findsScopes ? "" : "said \(Numbers.percent(measures.efficacy)), ")
          + "paraphrases \(Numbers.percent(measures.paraphrase)), kept \(Numbers.percent(measures.locality))"
      )
    }
  }
}
