internal import Editing
internal import ModelFiles

extension ResultsFile {
  /// Puts the parts of one evaluation together: the lines that it alone would have written, in their order, whatever the order of the
  /// parts. Lines about edits keep what they took, and values that several parts found count together.
  ///
  /// Parts are read twice, a line at a time.
  ///
  /// - Parameter isPartial: also where parts are missing or unfinished; the rest is asked when the result is used.
  /// - Returns: how many answers there are.
  /// - Throws: `PartsError`; `EvaluationError.badResults` for a file that is damaged.
  public static func merge(_ paths: [String], to output: String, isPartial: Bool = false) throws -> Int {
    var set = PartSet(of: "the evaluation")
    var parts: [ScannedPart] = []
    for path in paths {
      let part = try ScannedPart(path)
      if let first = parts.first, first.note.asked != part.note.asked {
        throw PartsError.ofOtherWork(first: first.path, second: path)
      }
      try set.add(part.note.shard.number, of: part.note.shard.count, file: path)
      guard isPartial || part.end != nil else {
        throw PartsError.unfinishedPart(file: path, done: "\(part.placedCount) answers")
      }
      if let end = part.end, let other = parts.first(where: { $0.end != nil && $0.end != end }) {
        throw PartsError.ofOtherWork(first: other.path, second: path)
      }
      parts.append(part)
    }
    if !isPartial { try set.requireAll() }
    return try write(parts, to: output, isPartial: isPartial)
  }

  private static func write(_ parts: [ScannedPart], to output: String, isPartial: Bool) throws -> Int {
    let file = try AtomicFile(output)
    var edits: [String: MadeEdit] = [:]
    for part in parts.sorted(by: { $0.note.shard.number < $1.note.shard.number }) {
      for (run, edit) in part.edits { edits[run] = edits[run].map { $0 + edit } ?? edit }
    }
    let readers = try parts.map { try PlacedLines($0.path) }
    var (next, size, count) = (0, 0, 0)
    func put(_ line: [UInt8]) throws {
      try file.file.write(line + [0x0A], at: size)
      size += line.count + 1
    }
    while let reader = readers.filter({ $0.current != nil }).min(by: { $0.current!.place < $1.current!.place }
    ) {
      let current = reader.current!
      // Places are those of one run: each there once.
      guard current.place == next || isPartial && current.place > next else {
        throw EvaluationError.badResults(file: reader.path, line: reader.number)
      }
      for line in current.before {
        guard let edit = edits.removeValue(forKey: line["run"]!.text!) else { continue }
        try put(Array(edit.line(like: line).compactText.utf8))
      }
      try put(current.text)
      next = current.place + 1
      count += 1
      try reader.advance()
    }
    if !isPartial, let part = parts.first, next != part.end?.places {
      throw EvaluationError.badResults(file: part.path, line: part.lineCount)
    }
    try file.commit()
    return count
  }
}

/// What a part's file says of itself.
private struct ScannedPart {
  let path: String
  let note: PartNote
  private(set) var end: PartEnd?
  private(set) var placedCount = 0
  private(set) var lineCount = 0
  /// What edits took, by run.
  private(set) var edits: [(String, MadeEdit)] = []

  init(_ path: String) throws {
    self.path = path
    let lines = try LineReader(path)
    var note: PartNote?
    var place = -1
    while let line = try lines.next() {
      lineCount += 1
      guard let value = try? JSONValue(parsing: line), let run = value["run"]?.text,
        value["record"]?.text != nil, let answers = RecordAnswers(value), end == nil
      else { throw EvaluationError.badResults(file: path, line: lineCount) }
      if lineCount == 1 {
        note = PartNote(value)
        if note == nil { throw PartsError.noPart(file: path) }
      } else if let own = value[PartNote.place]?.integer {
        // Work goes in order, also after a kill.
        guard own > place, own < Int.max else {
          throw EvaluationError.badResults(file: path, line: lineCount)
        }
        place = own
        placedCount += 1
      } else if let edit = answers.edit {
        edits.append((run, edit))
      } else if let found = PartEnd(value) {
        end = found
      } else {
        throw EvaluationError.badResults(file: path, line: lineCount)
      }
    }
    guard let note else { throw PartsError.noPart(file: path) }
    self.note = note
  }
}

/// The lines of a part that have a place, each with those about edits before it.
private final class PlacedLines {
  private let lines: LineReader
  private(set) var number = 0
  private(set) var current: (place: Int, text: [UInt8], before: [JSONValue])?

  init(_ path: String) throws {
    lines = try LineReader(path)
    try advance()
  }

  var path: String { lines.path }

  func advance() throws {
    current = nil
    var before: [JSONValue] = []
    while let line = try lines.next() {
      number += 1
      let value = try JSONValue(parsing: line)
      guard let place = value[PartNote.place]?.integer else {
        if value["edit"] != nil { before.append(value) }
        continue
      }
      // The place stands last, so the rest of the line is what one run writes.
      let mark = Array(",\"\(PartNote.place)\":\(place)}".utf8)
      guard line.suffix(mark.count) == mark[...] else {
        throw EvaluationError.badResults(file: path, line: number)
      }
      current = (place, line.dropLast(mark.count) + [UInt8(ascii: "}")], before)
      return
    }
  }
}

/// Whole lines of a file, one at a time.
private final class LineReader {
  private let file: OpenFile
  private let size: Int
  private var offset = 0
  private var buffer: [UInt8] = []
  private var start = 0
  private static let step = 1 << 18

  init(_ path: String) throws {
    file = try OpenFile(path, .reading)
    size = try file.size()
  }

  var path: String { file.path }

  /// - Returns: `nil` behind the last line that ends.
  func next() throws -> [UInt8]? {
    var seen = start
    while true {
      if let end = buffer[seen...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return Array(buffer[start..<end])
      }
      guard offset < size else { return nil }
      guard buffer.count - start <= TextFile.Limit.dataset else {
        throw ModelFileError(.fileTooLarge(byteCount: size, limit: TextFile.Limit.dataset), file: path)
      }
      buffer.removeFirst(start)
      (seen, start) = (buffer.count, 0)
      let count = min(Self.step, size - offset)
      buffer += try file.read(count, at: offset)
      offset += count
    }
  }
}

extension MadeEdit {
  /// The line about several that were made for one run.
  fileprivate func line(like line: JSONValue) -> JSONValue {
    .object((line.members ?? []).map { $0.key == "edit" ? .init("edit", json) : $0 })
  }

  fileprivate static func + (a: Self, b: Self) -> Self {
    .init(facts: a.facts + b.facts, seconds: a.seconds + b.seconds, norms: a.norms)
  }
}
