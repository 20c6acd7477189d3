internal import Floor
internal import LinearAlgebra
internal import ModelFiles

extension ValuesFile {
  /// Puts the parts of one run together: the file that the run alone would have written, byte for byte, whatever their order.
  ///
  /// - Parameter isPartial: also where parts are missing or unfinished; what is there is then an ordinary file of values.
  /// - Returns: how many values there are.
  /// - Throws: `PartsError`; `EditError.otherValues` where two files were found with different settings.
  @discardableResult
  public static func merge(_ files: [ValuesFile], to path: String, isPartial: Bool = false) throws -> Int {
    var parts: PartSet?
    var rows: [(number: Int, name: JSONValue, value: FactValue)] = []
    var first: (file: ValuesFile, part: ValuesPart, identity: PlanIdentity)?
    for file in files {
      guard let part = file.part, let shard = part.shard, let identity = file.identity else {
        throw PartsError.noPart(file: file.path)
      }
      if !part.isFinished, !isPartial {
        throw PartsError.unfinishedPart(file: file.path, done: "\(part.groups.count) values")
      }
      if let first {
        try file.require(first.identity)
        guard part.facts == first.part.facts, part.groupCount == first.part.groupCount else {
          throw PartsError.ofOtherWork(first: first.file.path, second: file.path)
        }
      }
      first = first ?? (file, part, identity)
      parts = parts ?? PartSet(of: "the values")
      try parts!.add(shard.number, of: shard.count, file: file.path)
      rows += zip(part.groups, file.names).map { ($0, $1, file.found[$1.compactText]!) }
    }
    guard let first else { throw EditError.noEdits }
    if !isPartial { try parts?.requireAll() }
    rows.sort { $0.number < $1.number }
    if let twice = zip(rows, rows.dropFirst()).first(where: { $0.number == $1.number }) {
      // Parts of one run share no group; a file that says so was not written by one.
      throw EditError.badNote(file: first.file.path, key: ValuesPart.note, detail: "group \(twice.0.number)")
    }
    guard isPartial || rows.count == first.part.groupCount else {
      throw EditError.badNote(
        file: first.file.path, key: ValuesPart.note,
        detail: "\(rows.count) of \(first.part.groupCount) groups")
    }
    try write(
      rows.map(\.value), names: rows.map(\.name), width: first.file.width, identity: first.identity, to: path)
    return rows.count
  }
}
