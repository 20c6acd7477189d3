import Editing
import TestSupport

/// Facts files made of texts.
struct FactsText {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Reads a text as a facts file; of bad records the first is thrown.
  func read(
    _ text: String, zsRETarget: ZsRETarget = .alternative, subjects: FactsReading.Subjects = .needed,
    skipBad: Bool = false
  ) throws -> FactsFile {
    let file = try open(text, zsRETarget: zsRETarget, subjects: subjects)
    if skipBad { return try file.skippingBad() }
    do { _ = try file.checked() } catch { throw error.first }
    return file
  }

  /// Reads a text as a facts file, good and bad.
  func open(
    _ text: String, zsRETarget: ZsRETarget = .alternative, subjects: FactsReading.Subjects = .needed
  ) throws -> FactsFile {
    var reading = FactsReading()
    (reading.zsRETarget, reading.subjects) = (zsRETarget, subjects)
    return try FactsFile(folder.write(Array(text.utf8), to: "facts.json"), reading)
  }

  /// Reads the one record of a text.
  func record(_ text: String, zsRETarget: ZsRETarget = .alternative) throws -> FactRecord {
    try read(text, zsRETarget: zsRETarget).records[0]
  }

  /// The place of a field in the first record.
  func place(_ field: String, record: Int = 1) -> RecordPlace {
    RecordPlace(file: folder.path("facts.json"), record: record, field: field)
  }
}

extension Fact {
  /// A fact of a few words: prompt, subject, target.
  static func made(_ prompt: String, _ subject: String, _ target: String, _ identifier: String = "1") -> Fact
  {
    Fact(identifier: identifier, prompt: prompt, subject: subject, target: target)
  }
}
