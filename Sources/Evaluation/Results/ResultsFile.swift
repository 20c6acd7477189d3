internal import Editing
internal import Glibc
internal import ModelFiles

/// Answers in a file, one line for each record and run, appended as they come.
///
///     {"run": identity, "label": …, "record": fingerprint, "id": …, "probes": […]}
///
/// A line is whole or absent: what a killed process left of its last line is taken away when the file is opened again. Lines of
/// other runs stay.
public final class ResultsFile {
  private let file: OpenFile
  private var size: Int
  private var known: [Key: RecordAnswers] = [:]
  private let part: PartNote?
  private var end: PartEnd?
  /// Lines that have a place among those of one run.
  private(set) var placedCount = 0

  private struct Key: Hashable {
    let run: String
    let record: String
    let identifier: String
  }

  /// Opens a file, or makes it.
  ///
  /// - Throws: `EvaluationError.badResults` for a file that holds something else.
  public convenience init(_ path: String) throws { try self.init(path, part: nil) }

  /// Opens a file of a part, or makes it.
  init(_ path: String, part: PartNote?) throws {
    self.part = part
    file = try OpenFile(path, Folder.fileExists(path) ? .updating : .creating)
    // Two runs that append to one file would write over each other.
    try file.lock(exclusively: true)
    let length = try file.size()
    guard length <= TextFile.Limit.dataset else {
      throw ModelFileError(.fileTooLarge(byteCount: length, limit: TextFile.Limit.dataset), file: path)
    }
    let bytes = try file.read(length, at: 0)
    var start = 0
    var number = 0
    var left: PartNote?
    while let end = bytes[start...].firstIndex(of: 0x0A) {
      number += 1
      guard let value = try? JSONValue(parsing: Array(bytes[start..<end])), let run = value["run"]?.text,
        let record = value["record"]?.text, let answers = RecordAnswers(value)
      else { throw EvaluationError.badResults(file: path, line: number) }
      if number == 1 { left = PartNote(value) }
      if let end = PartEnd(value) { self.end = end }
      if value[PartNote.place] != nil { placedCount += 1 }
      known[Key(run: run, record: record, identifier: answers.identifier)] = answers
      start = end + 1
    }
    // A beginning that is not that of a line is not ours to cut off.
    if start == 0, !bytes.isEmpty, !bytes.starts(with: Array("{\"run\":".utf8)) {
      throw EvaluationError.badResults(file: path, line: 1)
    }
    size = start
    if start < bytes.count, truncate(path, off_t(start)) != 0 {
      throw ModelFileError(.system(call: "truncate", code: errno), file: path)
    }
    guard left != part else { return }
    if let left, part == nil {
      throw EvaluationError.partOfResults(file: path, part: left.shard.number, count: left.shard.count)
    }
    if left == nil, size > 0 { throw PartsError.noPart(file: path) }
    if left != nil { throw PartsError.ofOtherWork(first: path, second: "this run") }
    try append(part!.json)
  }

  /// Notes that the part is done.
  ///
  /// - Throws: `PartsError.ofOtherWork` where it was done already, of other work.
  func finish(_ end: PartEnd) throws {
    guard let part, self.end != end else { return }
    guard self.end == nil else { throw PartsError.ofOtherWork(first: file.path, second: "this run") }
    self.end = end
    try append(end.json(of: part))
  }

  /// What a run said of a record, if the file knows it.
  func answers(of run: String, record: String, identifier: String) -> RecordAnswers? {
    known[Key(run: run, record: record, identifier: identifier)]
  }

  /// The edits that a run's network was made with, if the file knows them.
  func edit(of run: String) -> MadeEdit? {
    answers(of: run, record: MadeEdit.name, identifier: MadeEdit.name)?.edit
  }

  /// Appends a line about them.
  func append(_ edit: MadeEdit, of run: String, label: String) throws {
    var line = RecordAnswers(identifier: MadeEdit.name, probes: [])
    line.edit = edit
    try append(line, of: run, label: label, record: MadeEdit.name)
  }

  /// Appends a line.
  ///
  /// - Parameter place: its place among the lines of one run, in a file of a part.
  func append(
    _ answers: RecordAnswers, of run: String, label: String, record: String, place: Int? = nil
  ) throws {
    let members: [JSONValue.Member] = [
      .init("run", .string(run)), .init("label", .string(label)),
      .init("record", .string(record)),
    ]
    let placed = place.map { [JSONValue.Member(PartNote.place, .integer($0))] } ?? []
    try append(.object(members + answers.json + placed))
    placedCount += placed.count
    known[Key(run: run, record: record, identifier: answers.identifier)] = answers
  }

  private func append(_ value: JSONValue) throws {
    let line = Array((value.compactText + "\n").utf8)
    try file.write(line, at: size)
    size += line.count
  }
}
