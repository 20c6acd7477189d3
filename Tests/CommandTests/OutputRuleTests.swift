import Glibc
import ModelFiles
import TestSupport
import Testing

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
      name: "trace", inputs: [("", "model"), ("--facts", "facts.json")],
      outputs: ["-o", "--report", "--save-recipe"]),
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
      name: "edit", words: ["--chat"],
      inputs: [("", "model"), ("--facts", "facts.json"), ("--template", "template.jinja")], outputs: ["-o"]),
    Command(
      name: "edit", words: ["--method", "ike"],
      inputs: [
        ("", "model"), ("--facts", "facts.json"), ("--onto", "onto.errata"),
        ("--demonstrations", "more.json"),
      ], outputs: ["-o"]),
    Command(
      name: "ask", words: ["--chat"],
      inputs: [
        ("", "model"), ("--prompts", "prompts.txt"), ("--patch", "fix.errata"),
        ("--template", "template.jinja"),
      ], outputs: ["--logits"]),
    Command(
      name: "eval run", words: ["--generate", "--in-context", "--edit", "memit", "--chat"],
      inputs: [
        ("", "model"), ("--data", "facts.json"), ("--references", "references.json"), ("--idf", "idf"),
        ("--demonstrations", "more.json"), ("--choices", "choices.jsonl"), ("--perplexity", "text.txt"),
        ("--statistics", "stats"), ("--recipe", "recipe.json"), ("--contexts", "contexts.json"),
        ("--patch", "fix.errata"), ("--weights", "weights.json"), ("--template", "template.jinja"),
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

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    let set = [
      "cp -r $FIXTURES/models/tiny-gpt2 model", "cp -r model edited", "mkdir idf",
      "errata solve model --keys $FIXTURES/reference/tiny-gpt2.one-fact.keys.safetensors --no-second-moment -o fix.errata --quiet",
      "cp fix.errata other.errata",
    ]
    for line in set { #expect(try runner.shell(line).status == 0) }
    let names = Set(Self.commands.flatMap(\.inputs).map(\.name)).filter { !Folder.occupied(folder.path($0)) }
    for name in names { try folder.write(Array(name.utf8), to: name) }
    try folder.write([1], to: "idf/idf.npy")
  }

  private func arguments(_ command: Command, _ outputs: [(String, String)]) -> [String] {
    command.name.split(separator: " ").map(String.init)
      + command.inputs.flatMap { $0.option.isEmpty ? [$0.name] : [$0.option, $0.name] } + command.words
      + outputs.flatMap { [$0.0, $0.1] } + ["--json"]
  }

  private func expect(_ reason: String, _ command: Command, _ outputs: [(String, String)]) throws {
    let arguments = arguments(command, outputs)
    let result = try runner.start(CommandRunner.errata, arguments).wait()
    #expect(result.status == 1, "\(arguments): \(result.errors)")
    let name = try? result.object()["error"]?["name"]?.text
    #expect(name == reason, "\(arguments): \(result.errors)")
    #expect(result.errors.hasSuffix("Nothing was changed.\n"))
  }

  @Test(arguments: commands) func `no output is an input`(command: Command) throws {
    let before = try FolderContent(folder.path)
    var targets: [String] = []
    for input in command.inputs.map(\.name) {
      switch input {
      case "model", "edited":
        targets += ["config.json", "tokenizer.json", "model.safetensors"].map { input + "/" + $0 }
      case "idf": targets.append("idf/idf.npy")
      default: targets.append(input)
      }
    }
    for (number, target) in targets.enumerated() {
      // The same file by four kinds of name.
      var name = target
      if number % 4 == 1 { name = "./" + target }
      if number % 4 == 2 { name = "model/../" + target }
      for output in command.outputs {
        let rest = command.outputs.filter { $0 != output }.map { ($0, "new-" + $0) }
        try expect("outputIsInput", command, [(output, name)] + rest)
      }
    }
    #expect(try FolderContent(folder.path).changes(since: before).isEmpty)
    // And by another name of the file itself.
    let target = try #require(targets.last)
    #expect(link(folder.path(target), folder.path("twin")) == 0)
    for output in command.outputs {
      let rest = command.outputs.filter { $0 != output }.map { ($0, "new-" + $0) }
      try expect("outputIsInput", command, [(output, "twin")] + rest)
    }
  }

  @Test(arguments: commands.filter { $0.outputs.count > 1 })
  func `no output is another output`(command: Command) throws {
    let before = try FolderContent(folder.path)
    for name in ["new", "./new"] {
      try expect("outputIsOutput", command, [(command.outputs[0], "new"), (command.outputs[1], name)])
    }
    #expect(try FolderContent(folder.path).changes(since: before).isEmpty)
  }

  @Test(arguments: commands.filter { !$0.outputs.isEmpty })
  func `only an ordinary file is replaced`(command: Command) throws {
    symlink("fix.errata", folder.path("link"))
    symlink("nothing", folder.path("dangling"))
    mkfifo(folder.path("pipe"), 0o600)
    try Folder.create(folder.path("taken"))
    let names = [
      ("dangling", ["outputIsLink"]), ("pipe", ["notOrdinary"]), ("taken", ["notOrdinary", "outputExists"]),
      ("link", ["outputIsLink", "outputIsInput"]),
    ]
    for (name, reasons) in names {
      let outputs = command.outputs.map { ($0, $0 == command.outputs[0] ? name : "new-" + $0) }
      let result = try runner.start(CommandRunner.errata, arguments(command, outputs)).wait()
      #expect(result.status == 1)
      let reason = try result.object()["error"]?["name"]?.text ?? ""
      #expect(reasons.contains(reason), "\(command.testDescription) \(name): \(result.errors)")
    }
    #expect(try Folder.names(in: folder.path("taken")).isEmpty)
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
      "system", "base-model", "route", "radius", "like", "wording",
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
    for (command, option) in all where !noFiles.contains(option) {
      let known = Self.commands.filter { $0.name == command }.flatMap { $0.inputs.map(\.option) + $0.outputs }
      #expect(
        known.contains("--" + option) || option == "output" && known.contains("-o"),
        "--\(option) of \(command): does it name a file?")
    }
  }
}
