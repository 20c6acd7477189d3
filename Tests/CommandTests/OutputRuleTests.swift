import ArgumentParser
import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import errata

/// No output is an input, a file of the model, or another output: every output option of every command against every file
/// that the command reads.
@Suite struct OutputRuleTests {
  /// A command with all its files. What an input holds does not matter: the rule comes before reading.
  struct Command: CustomTestStringConvertible, Sendable {
    let name: String
    /// Words that are no files.
    var words: [String] = []
    /// Files that are read, by option; "" is a positional argument.
    let inputs: [(option: String, name: String)]
    /// Options that name a file to be written.
    let outputs: [String]
    /// Whether the outputs are new names that nothing at all may have.
    var testDescription: String { name + " " + outputs.joined(separator: " ") }
  }

  static let commands = [
    Command(
      name: "edit",
      inputs: [
        ("", "model"), ("--facts", "facts.json"), ("--statistics", "stats"), ("--recipe", "recipe.json"),
        ("--contexts", "contexts.json"), ("--values", "values"), ("--onto", "onto.errata"),
      ], outputs: ["-o", "--save-values"]),
    Command(
      name: "trace run", inputs: [("", "model"), ("--facts", "facts.json")],
      outputs: ["-o", "--report", "--save-recipe"]),
    Command(name: "trace merge", inputs: [("", "answers"), ("", "more-answers")], outputs: ["-o"]),
    Command(
      name: "plan", words: ["--tasks", "2"],
      inputs: [
        ("", "model"), ("--facts", "facts.json"), ("--statistics", "stats"), ("--contexts", "contexts.json"),
      ], outputs: ["-o"]),
    Command(
      name: "plan", words: ["--tasks", "2"],
      inputs: [("", "model"), ("--facts", "facts.json"), ("--corpus", "corpus.txt")], outputs: ["-o"]),
    Command(
      name: "tune",
      inputs: [
        ("", "model"), ("--facts", "facts.json"), ("--statistics", "stats"), ("--recipe", "recipe.json"),
        ("--contexts", "contexts.json"), ("--weights", "weights.json"),
      ], outputs: ["-o"]),
    Command(
      name: "edit", inputs: [("", "model"), ("--facts", "facts.json"), ("--corpus", "corpus.txt")],
      outputs: ["-o", "--save-statistics"]),
    Command(
      name: "edit", words: ["--method", "mend"],
      inputs: [("", "model"), ("--facts", "facts.json"), ("--editor", "editor")], outputs: ["-o"]),
    Command(
      name: "edit", words: ["--method", "t-patcher"],
      inputs: [("", "model"), ("--facts", "facts.json"), ("--corpus", "corpus.txt")], outputs: ["-o"]),
    Command(name: "train", inputs: [("", "model"), ("--data", "facts.json")], outputs: ["-o"]),
    Command(name: "train", inputs: [("", "model"), ("--from", "facts.json")], outputs: ["-o"]),
    Command(
      name: "edit", words: ["--chat"],
      inputs: [("", "model"), ("--facts", "facts.json"), ("--template", "template.jinja")], outputs: ["-o"]),
    Command(
      name: "edit", words: ["--method", "ike"],
      inputs: [
        ("", "model"), ("--facts", "facts.json"), ("--onto", "onto.errata"),
        ("--demonstrations", "more.json"),
      ], outputs: ["-o"]),
    Command(
      name: "edit", words: ["--method", "serac"],
      inputs: [
        ("", "model"), ("--facts", "facts.json"), ("--editor", "editor"), ("--counterfactual", "edited"),
      ], outputs: ["-o"]),
    Command(
      name: "ask", words: ["--chat"],
      inputs: [
        ("", "model"), ("--prompts", "prompts.txt"), ("--patch", "fix.errata"),
        ("--template", "template.jinja"), ("--counterfactual", "edited"),
      ], outputs: ["--logits"]),
    Command(
      name: "eval run", words: ["--generate", "--in-context", "--edit", "memit,t-patcher,mend", "--chat"],
      inputs: [
        ("", "model"), ("--data", "facts.json"), ("--references", "references.json"), ("--idf", "idf"),
        ("--demonstrations", "more.json"), ("--choices", "choices.jsonl"), ("--perplexity", "text.txt"),
        ("--statistics", "stats"), ("--recipe", "recipe.json"), ("--contexts", "contexts.json"),
        ("--patch", "fix.errata"), ("--weights", "weights.json"), ("--template", "template.jinja"),
        ("--corpus", "corpus.txt"), ("--editor", "editor"), ("--counterfactual", "edited"),
      ], outputs: ["--output", "--report"]),
    Command(name: "eval merge", inputs: [("", "answers"), ("", "more-answers")], outputs: ["-o"]),
    Command(
      name: "solve", inputs: [("", "model"), ("--keys", "keys"), ("--statistics", "stats")], outputs: ["-o"]),
    Command(
      name: "show", inputs: [("", "fix.errata"), ("--diff", "other.errata")],
      outputs: ["--report", "--bom", "--card"]),
    Command(name: "sign", inputs: [("", "fix.errata"), ("--key", "key")], outputs: ["-o"]),
    Command(name: "diff", inputs: [("", "model"), ("", "edited")], outputs: ["-o"]),
    Command(name: "apply", inputs: [("", "fix.errata"), ("", "model")], outputs: ["-o"]),
    Command(
      name: "apply",
      inputs: [
        ("", "fix.errata"), ("", "model"), ("--trusted", "signers"), ("--signature", "fix.sig"),
        ("--model-key", "model.pem"),
      ],
      outputs: ["-o"]),
    Command(
      name: "revert",
      inputs: [
        ("", "fix.errata"), ("", "model"), ("--trusted", "signers"), ("--signature", "fix.sig"),
        ("--model-key", "model.pem"),
      ],
      outputs: ["-o"]),
    Command(name: "verify", inputs: [("--trusted", "signers"), ("--signature", "fix.sig")], outputs: []),
    Command(
      name: "apply", words: ["--port"],
      inputs: [("", "fix.errata"), ("", "model"), ("--statistics", "stats")],
      outputs: ["--undo", "-o"]),
    Command(
      name: "combine", inputs: [("", "fix.errata"), ("", "other.errata"), ("--model", "model")],
      outputs: ["-o"]),
    Command(
      name: "export", words: ["--as", "gguf-adapter"], inputs: [("", "fix.errata"), ("--model", "model")],
      outputs: ["-o"]),
    Command(name: "stats collect", inputs: [("", "model"), ("--corpus", "corpus.txt")], outputs: ["-o"]),
    Command(name: "stats merge", inputs: [("", "stats"), ("", "more-stats")], outputs: ["-o"]),
    Command(name: "stats export", words: ["--as", "imatrix"], inputs: [("", "stats")], outputs: ["-o"]),
    Command(name: "values merge", inputs: [("", "values"), ("", "more-values")], outputs: ["-o"]),
    Command(
      name: "stats import", inputs: [("", "a_float32_mom2_1.npz"), ("--model", "model")], outputs: ["-o"]),
  ]

  let folder: TemporaryFolder
  let runner: CommandRunner

  /// A small patch, solved for once.
  private static let patch = Result {
    let folder = try TemporaryFolder()
    let made = try CommandRunner(in: folder.path).shell(
      "errata solve $FIXTURES/models/tiny-gpt2 --keys $FIXTURES/reference/tiny-gpt2.one-fact.keys.safetensors "
        + "--no-second-moment -o fix.errata --quiet")
    #expect(made.status == 0, "\(made.errors)")
    return try folder.read("fix.errata")
  }

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    let set = "cp -r $FIXTURES/models/tiny-gpt2 model && cp -r model edited && mkdir idf"
    #expect(try runner.shell(set).status == 0)
    for name in ["fix.errata", "other.errata"] { try folder.write(Self.patch.get(), to: name) }
    let names = Set(Self.commands.flatMap(\.inputs).map(\.name)).filter { !Folder.occupied(folder.path($0)) }
    for name in names { try folder.write(Array(name.utf8), to: name) }
    try folder.write([1], to: "idf/idf.npy")
  }

  private func arguments(_ command: Command, _ outputs: [(String, String)]) -> [String] {
    command.name.split(separator: " ").map(String.init)
      + command.inputs.flatMap {
        $0.option.isEmpty ? [folder.path($0.name)] : [$0.option, folder.path($0.name)]
      }
      + command.words + outputs.flatMap { [$0.0, folder.path($0.1)] } + ["--json"]
  }

  /// A command's words, parsed as `main` parses them. In a debug build that takes longer than all else here.
  private func parsed(_ command: Command, _ outputs: [(String, String)]) throws -> any ParsableCommand {
    try Errata.parseAsRoot(arguments(command, outputs))
  }

  /// Runs a command in this process, as `main` does: the rule comes first, so nothing else of it happens.
  private func expect(_ reasons: [String], _ command: any ParsableCommand, _ what: String) throws {
    let error = #expect(throws: CommandFailure.self, "\(what)") {
      var command = command
      try command.run()
    }
    let failure = try #require(error)
    #expect(failure.status == 1 && failure.work.standing == nil)
    let explanation = ErrorReport.explain(failure.error)
    #expect(reasons.contains(explanation.name) && explanation.change == nil, "\(what): \(explanation)")
  }

  /// The same by the command itself, in a process of its own, with names as people give them.
  private func expectProcess(_ reason: String, _ command: Command, _ outputs: [(String, String)]) throws {
    let arguments = arguments(command, outputs).map { $0.replacing(folder.path + "/", with: "") }
    let result = try runner.start(CommandRunner.errata, arguments).wait()
    #expect(result.status == 1, "\(arguments): \(result.errors)")
    let name = try? result.object()["error"]?["name"]?.text
    #expect(name == reason, "\(arguments): \(result.errors)")
    #expect(result.errors.hasSuffix("Nothing was changed.\n"))
  }

  /// All outputs of a command, one of them by this name and the others by new ones.
  private func outputs(_ command: Command, _ output: String, _ name: String) -> [(String, String)] {
    command.outputs.map { ($0, $0 == output ? name : "new-" + $0) }
  }

  @Test(arguments: commands) func `no output is an input`(command: Command) throws {
    var targets: [String] = []
    for input in command.inputs.map(\.name) {
      switch input {
      case "model", "edited":
        targets += ["config.json", "tokenizer.json", "model.safetensors"].map { input + "/" + $0 }
      case "idf": targets.append("idf/idf.npy")
      default: targets.append(input)
      }
    }
    for output in command.outputs {
      let before = try FolderContent(folder.path)
      let parsed = try parsed(command, outputs(command, output, "twin"))
      for target in targets {
        // Another name of the file itself.
        #expect(link(folder.path(target), folder.path("twin")) == 0)
        try expect(["outputIsInput"], parsed, "\(command) \(output) \(target)")
        #expect(unlink(folder.path("twin")) == 0)
      }
      #expect(try FolderContent(folder.path).changes(since: before).isEmpty)
    }
    // The file's own name, and two that lead there.
    guard let output = command.outputs.last else { return }
    let number = Self.commands.firstIndex { $0.testDescription == command.testDescription } ?? 0
    let target = targets[number % targets.count]
    let name = ["", "./", "model/../"][number % 3] + target
    try expect(
      ["outputIsInput"], parsed(command, outputs(command, output, name)), "\(command) \(output) \(name)")
    try expectProcess("outputIsInput", command, outputs(command, command.outputs[0], targets[0]))
  }

  @Test(arguments: commands.filter { $0.outputs.count > 1 })
  func `no output is another output`(command: Command) throws {
    let before = try FolderContent(folder.path)
    for name in ["new", "./new"] {
      let parsed = try parsed(command, [(command.outputs[0], "new"), (command.outputs[1], name)])
      try expect(["outputIsOutput"], parsed, "\(command) \(name)")
    }
    #expect(try FolderContent(folder.path).changes(since: before).isEmpty)
  }

  @Test(arguments: commands.filter { !$0.outputs.isEmpty })
  func `only an ordinary file is replaced`(command: Command) throws {
    let output = folder.path("output")
    let parsed = try parsed(command, outputs(command, command.outputs[0], "output"))
    let obstacles: [(String, () throws -> Void, reasons: [String])] = [
      ("a link to nothing", { symlink("nothing", output) }, ["outputIsLink"]),
      ("a pipe", { mkfifo(output, 0o600) }, ["notOrdinary"]),
      ("a link to an input", { symlink("fix.errata", output) }, ["outputIsLink", "outputIsInput"]),
      ("a folder", { try Folder.create(output) }, ["notOrdinary", "outputExists"]),
    ]
    for (what, make, reasons) in obstacles {
      unlink(output)
      try make()
      try expect(reasons, parsed, "\(command) \(what)")
    }
    #expect(try Folder.names(in: output).isEmpty)
  }

  /// A new option must be told apart here: whether it names a file, and which way.
  @Test func `every option of every command is known to this table`() throws {
    let noFiles: Set = [
      "limit", "ids", "method", "second-moment-weight", "ridge", "null-space-threshold", "null-space-share",
      "layers",
      "steps", "learning-rate", "bound", "kl-weight", "weight-decay", "clamp", "stop", "keep", "shard",
      "sequence", "drop",
      "batch", "factor-type", "rounding", "seed", "threads", "top", "tokens", "sample", "zsre-target",
      "window", "edit",
      "sequential", "orientation", "effort", "spread", "promote", "as", "context", "save-interval", "weight",
      "noise", "seeds", "kinds", "budget", "held-out", "own-words-weight",
      "system", "base-model", "tasks", "launcher", "route", "radius", "like", "wording", "generations",
      "rank",
      "edit-weight", "train editor", "merge", "side-weights", "threshold-share",
    ]
    let dump = try JSONValue(parsing: Array(runner.errata("--experimental-dump-help").output.utf8))
    func options(_ command: JSONValue, _ path: [String]) -> [(String, String)] {
      let own = (command["arguments"]?.elements ?? []).filter { $0["kind"] == "option" }
        .compactMap { $0["preferredName"]?["name"]?.text }
      let below = (command["subcommands"]?.elements ?? []).flatMap { sub in
        options(sub, path + [sub["commandName"]?.text ?? ""])
      }
      return own.map { (path.joined(separator: " "), $0) } + below
    }
    let all = options(try #require(dump["command"]), [])
    #expect(all.count > 80)
    for (command, option) in all
    where !noFiles.contains(option) && !noFiles.contains(command + " " + option) {
      let known = Self.commands.filter { $0.name == command }.flatMap { $0.inputs.map(\.option) + $0.outputs }
      #expect(
        known.contains("--" + option) || option == "output" && known.contains("-o"),
        "--\(option) of \(command): does it name a file?")
    }
  }
}
