import ArgumentParser
import Editing
import Evaluation
import ModelFiles

/// Which records.
struct EvalDataOptions: ParsableArguments {
  enum Target: String, ExpressibleByArgument, CaseIterable { case alternative, answer }

  @Option(
    name: .customLong("data"),
    help:
      "The records: CounterFact, zsRE, EasyEdit, KnowEdit, MQuAKE, or a folder of them (Formats/facts.md).",
    completion: .file())
  var path: String
  @Option(help: "Take only the first so many records.")
  var limit: Int?
  @Option(help: "Draw the records with this seed, without replacement, instead of taking the first.")
  var sample: UInt64?
  @Option(help: "Take only the records with these identifiers, separated by commas.")
  var ids: String?
  @Flag(help: "Leave bad records out, and say which, instead of refusing the file.")
  var skipBad = false
  @Option(help: "zsRE: alternative takes alt as target, as EasyEdit; answer takes the true answer, as memit.")
  var zsreTarget = Target.alternative

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit takes a number above zero.") }
  }

  /// The records that are asked for, and the rest.
  ///
  /// - Parameter methods: those that are to be compared, some of which may take keys at the subjects.
  func read(
    for methods: [EditMethod], _ messages: OutputOptions
  ) throws -> (records: [FactRecord], others: [FactRecord]) {
    var reading = FactsReading()
    reading.zsRETarget = zsreTarget == .answer ? .answer : .alternative
    reading.subjects = methods.isEmpty ? .checked : methods.contains(where: \.needsSubject) ? .needed : .free
    let choice = FactChoice(limit: limit, ids: ids, sample: sample, skipsBad: skipBad)
    let whole = try choice.open(path, reading, messages)
    let part = try choice.chosen(from: whole)
    return (try part.checked(), whole.others(than: part))
  }
}

/// What is asked beside likelihoods.
struct EvalAskingOptions: ParsableArguments {
  @Flag(
    help:
      "Also let the model go on by itself: greedily from each probe, and in texts for fluency and consistency."
  )
  var generate = false
  @Option(help: "Tokens that --generate goes on from each probe for.")
  var tokens = 50
  @Option(help: "Seed of the texts that --generate draws.")
  var seed: UInt64 = 0
  @Option(
    help: "Reference texts for consistency: CounterFact's attribute_snippets.json; with --generate.",
    completion: .file())
  var references: String?
  @Option(
    help: ArgumentHelp(
      "Word frequencies for consistency, as ROME and MEMIT publish them: a folder with tfidf_vocab.json and idf.npy (default: from --references).",
      valueName: "folder"), completion: .file())
  var idf: String?
  @Flag(help: "Also ask CounterFact's attribute prompts, whose right answer is the target already.")
  var attributes = false
  @Flag(
    help: "Also a run without any edit that reads the new fact before each prompt: in-context editing.")
  var inContext = false
  @Option(
    help: ArgumentHelp(
      "In-context editing: first demonstrate what is meant with so many further records of the data, or with up to 32 of a file: those that share most words with the fact, copied, reworded or left alone as IKE does.",
      valueName: "number or file"), completion: .file())
  var demonstrations = "0"
  @Option(
    help: ArgumentHelp(
      "Also questions of multiple choice, JSON lines with prompt, choices and answer.", valueName: "file"),
    completion: .file())
  var choices: String?
  @Option(help: ArgumentHelp("Also the perplexity of a text file.", valueName: "file"), completion: .file())
  var perplexity: String?
  @Option(help: "Tokens of a window of --perplexity.")
  var window = 512

  func validate() throws {
    if tokens < 1 || tokens > 10_000 { throw ValidationError("--tokens takes a number from 1 to 10000.") }
    if window < 2 { throw ValidationError("--window takes a number above one.") }
    if references != nil, !generate {
      throw ValidationError("--references is for the texts of --generate; give both.")
    }
    if let count = Int(demonstrations), count < 0 || count > 1000 {
      throw ValidationError("--demonstrations takes a file, or a number from 0 to 1000.")
    }
    if idf != nil, references == nil {
      throw ValidationError("--idf is for the texts of --references; give both.")
    }
  }

  var settings: EvaluationSettings {
    var settings = EvaluationSettings()
    settings.speaks = generate
    settings.writes = generate
    settings.spokenTokens = tokens
    settings.seed = seed
    settings.asksAttributes = attributes
    return settings
  }

  /// What demonstrates a new fact, with the file that it is from where that is not the data.
  func demonstrations(
    _ data: EvalDataOptions, _ records: (records: [FactRecord], others: [FactRecord])
  ) throws -> Demonstrations? {
    guard let count = Int(demonstrations) else {
      var reading = FactsReading()
      reading.subjects = .free
      let further = try FactsFile(demonstrations, reading).checked()
      return Demonstrations(Demonstrations.publishedCount, from: further)
    }
    guard count > 0 else { return nil }
    if records.others.isEmpty, records.records.count < 2 {
      throw EvaluationError.noDemonstrations(file: data.path)
    }
    return Demonstrations(count, from: records.others, then: records.records)
  }

  func fill(_ series: inout EvaluationSeries) throws {
    series.references = try references.map { try ReferenceTexts($0, frequencies: idf) }
    series.tasks.choices = try choices.map { try MultipleChoice($0) }
    series.tasks.text = perplexity
    series.tasks.windowLength = window
  }
}

extension EvalAskingOptions {
  /// What results depend on, for scripts.
  var json: JSONValue {
    let count = Int(demonstrations)
    return [
      "generate": .bool(generate), "tokens": .integer(tokens), "seed": .integer(Int(clamping: seed)),
      "attributes": .bool(attributes), "references": references.map { .string($0) } ?? .null,
      "idf": idf.map { .string($0) } ?? .null,
      "demonstrations": .integer(count ?? Demonstrations.publishedCount),
      "demonstrationsFile": count == nil ? .string(demonstrations) : .null,
    ]
  }
}
