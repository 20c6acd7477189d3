internal import Floor
public import ModelFiles

/// What was applied to a model and taken back, kept beside it on request: a line of JSON for each. `Formats/record.md`.
///
/// The record is for people and audits. It is never believed: what a line says of the model is compared with the model.
public struct PatchRecord: Sendable {
  /// A line.
  public struct Entry: Sendable {
    /// The whole line.
    public let json: JSONValue

    /// Names of touched tensors and their digests after the line's run.
    var digests: [(name: String, digest: String?)] {
      (json["tensors"]?.elements ?? []).compactMap { tensor in
        tensor["name"]?.text.map { (name: $0, digest: tensor["digest"]?.text) }
      }
    }

    /// The patch digest.
    public var patch: String? { json["digest"]?.text }
    /// Whether it was applied or taken back.
    public var direction: PatchRun.Direction? {
      json["direction"]?.text.flatMap(PatchRun.Direction.init(rawValue:))
    }
  }

  /// The file.
  public let path: String
  /// Its lines, the oldest first.
  public let entries: [Entry]

  /// The end of the file's name.
  static let name = "errata-record.jsonl"

  /// Whether a file of a model's folder is called as records are, its own or that of one of its files.
  static func isOne(_ name: String) -> Bool {
    name == Self.name || (name.hasSuffix("." + Self.name) && !name.contains("/"))
  }

  /// Where the record of a model is: in its folder, or beside its one file under that one's name.
  public static func path(of model: ModelFile) -> String {
    model.isFolder
      ? Folder.path(model.folder, name)
      : Folder.path(
        model.folder, Folder.fitting(Folder.name(of: model.shards[0].path), suffix: "." + name))
  }

  /// Reads a model's record; `nil` where it has none.
  ///
  /// - Throws: `headerSyntax` at the place of what is no line of JSON.
  public init?(of model: ModelFile) throws {
    let path = PatchRecord.path(of: model)
    guard Folder.occupied(path) else { return nil }
    try self.init(path)
  }

  /// Reads a record.
  public init(_ path: String) throws {
    let text = try TextFile(path, .json, limit: TextFile.Limit.text)
    self.path = path
    entries = try text.jsonValues().map(Entry.init)
  }

  /// Refuses a record that could not be gone on with, before the run that it is to tell of.
  public static func requireUsable(of model: ModelFile) throws {
    try AtomicFile.requireReplaceable(path(of: model))
    _ = try PatchRecord(of: model)
  }

  /// Adds a line for a run that is done.
  ///
  /// - Parameters:
  ///   - model: the model as it is now; the record that it has goes on.
  ///   - earlier: the model that the run read, whose record goes before where the result is a new file.
  ///   - time: seconds since 1970 in universal time.
  ///   - more: members that the caller adds, such as who signed.
  /// - Returns: the file.
  @discardableResult
  public static func add(
    _ run: PatchRun, _ direction: PatchRun.Direction, to model: ModelFile, earlier: ModelFile? = nil,
    time: Int, tool: String, _ more: [JSONValue.Member] = []
  ) throws -> String {
    let path = path(of: model)
    let source = Folder.occupied(path) ? path : earlier.map(PatchRecord.path(of:))
    var bytes: [UInt8] = []
    if let source, Folder.occupied(source) {
      // Only a record is gone on with.
      _ = try PatchRecord(source)
      bytes = try OpenFile(source, .reading).whole()
      if bytes.last.map({ $0 != UInt8(ascii: "\n") }) ?? false { bytes.append(UInt8(ascii: "\n")) }
    }
    bytes += Array((line(run, direction, time, tool, more).compactText + "\n").utf8)
    let file = try AtomicFile(path)
    try file.file.write(bytes, at: 0)
    try file.commit()
    return path
  }

  private static func line(
    _ run: PatchRun, _ direction: PatchRun.Direction, _ time: Int, _ tool: String, _ more: [JSONValue.Member]
  ) -> JSONValue {
    let patch = run.patch
    let facts = patch.manifest["edit"]?["facts"]?.elements ?? []
    return .object(
      [
        .init("time", .string(UniversalTime.text(time))), .init("direction", .string(direction.rawValue)),
        .init("patch", .string(Folder.name(of: patch.path))),
        .init("digest", .string(patch.digest.hexadecimal)),
        .init("tool", .string(tool)), .init("facts", .integer(facts.count)),
        .init(
          "tensors",
          .array(
            patch.changes.map { change in
              let side = direction == .apply ? change.after : change.before
              return [
                "name": .string(change.name), "digest": side.map { .string($0.digest.hexadecimal) } ?? .null,
              ]
            })),
      ] + more)
  }

  /// Bytes that looking at the model reads.
  public func byteCount(in model: ModelFile) -> Int {
    Set(entries.flatMap { $0.digests.map(\.name) }).reduce(0) { total, name in
      total + ((try? model.tensor(name))?.byteCount ?? 0)
    }
  }

  /// Whether each line is still what the model says: a tensor counts for the last line that names it.
  ///
  /// - Returns: for each entry how many tensors it is the last to name, and how many of those have the digest it gives.
  public func standing(
    in model: ModelFile, threads: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> [(tensors: Int, asRecorded: Int)] {
    var last: [String: (entry: Int, digest: String?)] = [:]
    for (number, entry) in entries.enumerated() {
      for (name, digest) in entry.digests { last[name] = (number, digest) }
    }
    var standing = entries.map { _ in (tensors: 0, asRecorded: 0) }
    for (name, wanted) in last.sorted(by: { $0.key < $1.key }) {
      var found: String?
      if model.contains(name) {
        let tensor = try model.tensor(name)
        found = try Digest(of: tensor, in: model.file(of: tensor), threads: threads).hexadecimal
        progress(tensor.byteCount)
      }
      standing[wanted.entry].tensors += 1
      if found == wanted.digest { standing[wanted.entry].asRecorded += 1 }
    }
    return standing
  }
}

extension OpenFile {
  fileprivate func whole() throws -> [UInt8] { try read(size(), at: 0) }
}

/// Times as people and scripts read them.
enum UniversalTime {
  /// `2026-01-31T09:05:00Z`.
  ///
  /// Days are counted in years that begin in March, so that the leap day is the last.
  /// Source: Howard Hinnant, *chrono-compatible low-level date algorithms*, `civil_from_days`.
  static func text(_ seconds: Int) -> String {
    let (days, rest) = (seconds / 86400, seconds % 86400)
    let shifted = days + 719_468
    let (era, day) = (shifted / 146_097, shifted % 146_097)
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365
    let inYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * inYear + 2) / 153
    func digits(_ number: Int, _ count: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let calendar = month < 10 ? month + 3 : month - 9
    let date =
      "\(digits(400 * era + year + (calendar <= 2 ? 1 : 0), 4))-\(digits(calendar))-\(digits(inYear - (153 * month + 2) / 5 + 1))"
    return "\(date)T\(digits(rest / 3600)):\(digits(rest / 60 % 60)):\(digits(rest % 60))Z"
  }
}
