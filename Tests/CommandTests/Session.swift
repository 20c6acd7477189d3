import ModelFiles
import TestSupport
import Testing

/// A recorded session: commands in an empty folder, and all that came of each.
///
///     # What the session shows.
///     $ errata show nothing.safetensors
///     | a line on standard output
///     ! a line on standard error
///     = 1                     exit status, when it is not 0
///     + out.safetensors       a new file; ~ a changed one, - one that went away
///
/// The place of the fixtures reads `$FIXTURES`, the processor of OpenBLAS' kernels `<processor>`. `# mask: solved` in the head stands for results of a solve, which differ between machines in their last bits:
/// digests read `<digest>`, and sizes of patches `<size>`. `# mask: measured` does the same for what a network computes: percentages but 0 and 100 %, and
/// numbers with decimals read `<n>`, and gaps in tables are two spaces.
struct Session: CustomTestStringConvertible {
  struct Step {
    let command: String
    var result: [String] = []

    var text: String { (["$ " + command] + result).joined(separator: "\n") }
  }

  let name: String
  let head: [String]
  let steps: [Step]

  static let folder = PackageFiles.path("Fixtures/sessions")

  /// All sessions, by name.
  static func all() -> [Session] {
    do {
      let sessions = try Folder.names(in: folder).filter { $0.hasSuffix(".session") }.map { try Session($0) }
      precondition(!sessions.isEmpty, "there are sessions to be compared")
      return sessions
    } catch {
      preconditionFailure("the sessions cannot be read: \(error)")
    }
  }

  var testDescription: String { name }
  var path: String { Folder.path(Session.folder, name + ".session") }
  private var isMasked: Bool { head.contains("# mask: solved") }
  private var isMeasured: Bool { head.contains("# mask: measured") }

  init(_ file: String) throws {
    name = String(file.dropLast(".session".count))
    let bytes = try FileBytes.read(Folder.path(Session.folder, file))
    var head: [String] = []
    var steps: [Step] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init) {
      if line.hasPrefix("$ ") {
        steps.append(Step(command: String(line.dropFirst(2))))
      } else if steps.isEmpty {
        head.append(line)
      } else {
        steps[steps.count - 1].result.append(line)
      }
    }
    (self.head, self.steps) = (head, steps)
  }

  /// The file's text with these steps.
  func text(of steps: [Step]) -> String {
    head.joined(separator: "\n") + "\n\n" + steps.map { $0.text + "\n" }.joined(separator: "\n")
  }

  /// Runs one command and writes down what came of it.
  func run(_ command: String, in folder: TemporaryFolder) throws -> (
    step: Step, status: Int, changes: [String]
  ) {
    let before = try FolderContent(folder.path)
    let result = try CommandRunner(in: folder.path).shell(command)
    let changes = try FolderContent(folder.path).changes(since: before)
    var lines = Session.lines(result.output, "|") + Session.lines(result.errors, "!")
    lines = lines.map { $0.replacing(PackageFiles.path("Fixtures"), with: "$FIXTURES") }
    lines = lines.map { $0.replacing(/(^! OpenBLAS ran its kernels for ).*/) { $0.output.1 + "<processor>" } }
    if isMasked { lines = lines.map(Session.masked) }
    if isMeasured { lines = lines.map(Session.measured) }
    if result.status != 0 { lines.append("= \(result.status)") }
    return (Step(command: command, result: lines + changes), result.status, changes)
  }

  private static func lines(_ text: String, _ mark: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    // Only a last line that lacks its end is worth a sign.
    if lines.last == "" { lines.removeLast() } else { lines[lines.count - 1] += "⏎̸" }
    return lines.map { $0.isEmpty ? mark : "\(mark) \($0)" }
  }

  private static func masked(_ line: String) -> String {
    let line = line.replacing(/[0-9a-f]{64}/, with: "<digest>").replacing(/[0-9a-f]{12}…/, with: "<digest>…")
    if line.hasPrefix("| patch: version") { return line.replacing(/[0-9.]+ k?B,/, with: "<size>,") }
    if line.hasPrefix("! The patch is ") { return line.replacing(/[0-9.]+ k?B for/, with: "<size> for") }
    if line.hasPrefix("|   "), line.contains(", in ") {
      return line.replacing(/[0-9.]+ k?B$/, with: "<size>")
    }
    // In a table's row the size is the last column but for a bar.
    return line.contains(/\s\srank \d/)
      ? line.replacing(/\s+[0-9.]+ k?B(?=$|\s+\S*$)/, with: "  <size>") : line
  }
}

extension Session {
  /// A line without the numbers that a network measured.
  private static func measured(_ line: String) -> String {
    let front = line.prefix { " |!".contains($0) }
    var text = String(line.dropFirst(front.count))
    // A heading stands where the widest number of its column puts it.
    let indentation = front.count > 18 ? String(front.prefix(2)) + "…  " : String(front)
    text = text.replacing(/[0-9.]+ k?B\b/, with: "<size>")
    text = text.replacing(/([0-9.]+(?:e-[0-9]+)?) %/) { match in
      ["0", "100"].contains(match.output.1) ? String(match.output.0) : "<n> %"
    }
    text = text.replacing(/(^|[ (])-?[0-9]+(?:\.[0-9]+|e-[0-9]+|\.[0-9]+e-?[0-9]+)(?=$|[ ,)])/) { match in
      match.output.1 + "<n>"
    }
    return indentation + text.replacing(/\ \ +/, with: "  ")
  }
}

/// The files below a folder, each told by a hash of its bytes.
struct FolderContent {
  private var hashes: [String: Int] = [:]

  init(_ folder: String) throws { try gather(folder, "") }

  private mutating func gather(_ folder: String, _ prefix: String) throws {
    for name in try Folder.names(in: folder) {
      let path = Folder.path(folder, name)
      if Folder.exists(path) {
        try gather(path, prefix + name + "/")
      } else {
        var hasher = Hasher()
        try FileBytes.read(path).withUnsafeBytes { hasher.combine(bytes: $0) }
        hashes[prefix + name] = hasher.finalize()
      }
    }
  }

  /// What is new (+), different (~) or gone (-), by name.
  func changes(since earlier: FolderContent) -> [String] {
    Set(hashes.keys).union(earlier.hashes.keys).sorted().compactMap { name in
      switch (earlier.hashes[name], hashes[name]) {
      case (nil, _): "+ " + name
      case (_, nil): "- " + name
      case let (old, new): old == new ? nil : "~ " + name
      }
    }
  }
}
