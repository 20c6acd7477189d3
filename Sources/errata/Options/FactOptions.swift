import ArgumentParser
import Editing

/// Which facts.
struct FactOptions: ParsableArguments {
  @Option(name: .customLong("facts"), help: "The facts (Formats/facts.md).", completion: .file())
  var path: String?
  @OptionGroup var choice: FactChoiceOptions

  func validate() throws {
    if path == nil, let option = choice.given.first {
      throw ValidationError("\(option) is for the facts of --facts FILE; give both.")
    }
  }

  /// The records that are asked for.
  ///
  /// - Parameter needsSubject: whether the method takes keys at the subjects.
  func read(needsSubject: Bool, _ messages: OutputOptions) throws -> [FactRecord] {
    guard let path else { return [] }
    var reading = FactsReading()
    reading.subjects = needsSubject ? .needed : .free
    return try choice.choice.read(path, reading, messages).checked()
  }
}

/// Which records of a file of facts.
struct FactChoiceOptions: ParsableArguments {
  @Option(help: "Take only the first so many facts.")
  var limit: Int?
  @Option(help: "Take only the records with these identifiers, separated by commas.")
  var ids: String?
  @Flag(help: "Leave bad records out, and say which, instead of refusing the file.")
  var skipBad = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit takes a number above zero.") }
  }

  /// Those that are given.
  var given: [String] {
    [("--limit", limit != nil), ("--ids", ids != nil), ("--skip-bad", skipBad)].filter(\.1).map(\.0)
  }
  var choice: FactChoice { FactChoice(limit: limit, ids: ids, skipsBad: skipBad) }
}

/// Which records of a file are wanted.
struct FactChoice {
  var limit: Int?
  var ids: String?
  var sample: UInt64?
  var skipsBad = false

  /// What is wanted of a file; records outside of it may be as bad as they like.
  func chosen(from whole: FactsFile) throws -> FactsFile {
    var file = whole
    if let ids { file = try file.selecting(ids.split(separator: ",").map(String.init)) }
    if let sample {
      file = file.sampled(limit ?? file.count, seed: sample)
    } else if let limit {
      file = file.limited(to: limit)
    }
    return file
  }

  /// Reads a file, says what is left out of it, and takes what is wanted.
  func read(_ path: String, _ reading: FactsReading, _ messages: OutputOptions) throws -> FactsFile {
    try chosen(from: try open(path, reading, messages))
  }

  /// Reads a file, and says what is left out of it.
  func open(_ path: String, _ reading: FactsReading, _ messages: OutputOptions) throws -> FactsFile {
    let file = try FactsFile(path, reading)
    guard skipsBad else { return file }
    let good = try file.skippingBad()
    for error in good.skipped {
      let reason = ErrorReport.explain(error)
      messages.say("Warning: left out \(reason.place ?? path): \(reason.why)")
    }
    return good
  }
}
