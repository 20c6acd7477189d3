import ModelFiles
import TestSupport
import Testing

/// The keys that scripts may rely on. More may be there.
@Suite struct JSONOutputTests {
  let folder: TemporaryFolder
  let runner: CommandRunner

  static let fixtures = PackageFiles.path("Fixtures")
  static let model = fixtures + "/models/tiny-gpt2"
  static let keys = fixtures + "/reference/tiny-gpt2.ten-facts.keys.safetensors"
  static let statistics = fixtures + "/reference/tiny-gpt2.statistics.safetensors"

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  private func solve() throws -> CommandResult {
    try runner.errata(
      "solve", Self.model, "--keys", Self.keys, "--statistics", Self.statistics, "-o", "fix.errata",
      "--second-moment-weight", "100", "--json")
  }

  private func expectKeys(_ keys: String, of value: JSONValue?) {
    for key in keys.split(separator: " ") {
      #expect(
        value?[String(key)] != nil, "no \(key) in \(String(describing: value?.compactText.prefix(300)))")
    }
  }

  private func expectKeys(_ keys: String, ofEach value: JSONValue?, count: Int) {
    #expect(value?.elements?.count == count)
    for element in value?.elements ?? [] { expectKeys(keys, of: element) }
  }

  @Test func `show of a model`() throws {
    let result = try runner.errata("show", Self.model, "--json")
    let object = try result.object()
    expectKeys("kind format tensors metadata", of: object)
    #expect(object["kind"] == "model" && object["format"] == "safetensors")
    expectKeys("name type shape bytes", ofEach: object["tensors"], count: 52)
    let weight = object["tensors"]?.elements?.first { $0["name"] == "transformer.h.1.mlp.c_proj.weight" }
    #expect(weight?["type"] == "F32" && weight?["shape"] == [256, 64] && weight?["bytes"] == 65536)
    #expect(object["metadata"]?["format"] == "pt")
    #expect(result.errors.isEmpty)
  }

  @Test func `solve, and show of its patch`() throws {
    let result = try solve()
    #expect(result.status == 0)
    let solved = try result.object()
    expectKeys("patch digest bytes method recipe warnings", of: solved)
    expectKeys(
      "name rank ridge jitter relativeNorm preservation retention seconds", ofEach: solved["tensors"],
      count: 2)
    expectKeys("factorizing solving storing", of: solved["tensors"]?.elements?[0]["seconds"])
    expectKeys(
      "memorizationError writtenFraction retention subject prompt target", ofEach: solved["facts"], count: 10)

    let shown = try runner.errata("show", "fix.errata", "--json").object()
    expectKeys("kind version tensors edit", of: shown)
    #expect(shown["kind"] == "patch" && shown["version"] == 1 && shown["digest"] == solved["digest"])
    expectKeys("name change rank bytes baseDigest resultDigest", ofEach: shown["tensors"], count: 2)
    for tensor in shown["tensors"]?.elements ?? [] {
      #expect(tensor["change"] == "low-rank" && tensor["rank"] == 10)
      #expect(tensor["baseDigest"]?.text?.utf8.count == 64 && tensor["baseDigest"] != tensor["resultDigest"])
    }
    #expect(shown["edit"]?["method"] == "memit")
    #expect(shown["edit"]?["facts"] == solved["facts"])
    #expect(shown["bytes"]?.integer == (try folder.read("fix.errata").count))
  }

  @Test func `apply, revert and verify`() throws {
    _ = try solve()
    let shown = try runner.errata("show", "fix.errata", "--json").object()
    let rehearsed = try runner.errata("apply", "fix.errata", Self.model, "--dry-run", "--json").object()
    #expect(rehearsed["written"] == false && rehearsed["output"] == .null)

    let applied = try runner.errata("apply", "fix.errata", Self.model, "-o", "edited", "--json").object()
    expectKeys("direction written output bytes tensors notCopied", of: applied)
    #expect(applied["direction"] == "apply" && applied["written"] == true && applied["output"] == "edited")
    expectKeys("name bytes digest", ofEach: applied["tensors"], count: 2)
    for (done, promised) in zip(applied["tensors"]?.elements ?? [], shown["tensors"]?.elements ?? []) {
      #expect(done["digest"] == promised["resultDigest"])
    }

    for (model, state) in [(Self.model, "base"), (folder.path("edited"), "edited")] {
      let verified = try runner.errata("verify", "fix.errata", model, "--json")
      #expect(verified.status == 0)
      #expect(try verified.object()["state"] == .string(state))
      expectKeys(
        "name state digest baseDigest resultDigest", ofEach: try verified.object()["tensors"], count: 2)
    }

    let reverted = try runner.errata("revert", "fix.errata", "edited", "--in-place", "--json").object()
    #expect(reverted["direction"] == "revert" && reverted["output"] == "edited")
    #expect(try FileBytes.read(Self.model + "/model.safetensors") == folder.read("edited/model.safetensors"))
  }

  @Test func `diff of two models`() throws {
    _ = try solve()
    _ = try runner.errata("apply", "fix.errata", Self.model, "-o", "edited", "--quiet")
    for output in [[], ["-o", "found.errata"]] {
      let result = try runner.start(CommandRunner.errata, ["diff", Self.model, "edited", "--json"] + output)
        .wait()
      #expect(result.status == 0)
      expectKeys("name change bytes relativeChange", ofEach: try result.object()["tensors"], count: 2)
    }
    #expect(try runner.errata("verify", "found.errata", "edited").status == 0)
  }

  @Test func `a failure is one object too`() throws {
    _ = try solve()
    let failures = [
      (["show", "nothing"], "system"),
      (["verify", "fix.errata", "nothing"], "system"),
      (["apply", Self.statistics, Self.model, "-o", "out"], "notAPatch"),
      (["revert", "fix.errata", Self.model, "-o", "out"], "wrongBase"),
      (["apply", "fix.errata", Self.fixtures + "/models/tiny-llama", "-o", "out"], "tensorMissing"),
      (["solve", Self.model, "--keys", Self.keys, "-o", "out"], "methodNeedsSecondMoment"),
      (["stats", "merge", Self.keys, "-o", "out"], "otherContent"),
      (["recover", "nothing"], "system"),
    ]
    for (arguments, name) in failures {
      let result = try runner.start(CommandRunner.errata, arguments + ["--json"]).wait()
      #expect(result.status == 1)
      let error = try result.object()["error"]
      expectKeys("name action where why try", of: error)
      #expect(error?["name"] == .string(name), "\(arguments)")
      #expect(result.errors.hasPrefix("Error: ") && result.errors.hasSuffix("Nothing was changed.\n"))
    }
    #expect(try Folder.names(in: folder.path) == ["fix.errata"])
  }

  @Test func `quiet and json together leave standard error empty`() throws {
    _ = try solve()
    for arguments in [
      ["show", "fix.errata"], ["verify", "fix.errata", Self.model], ["recover", Self.model],
      ["apply", "fix.errata", Self.model, "--dry-run"],
      ["stats", "merge", Self.statistics, "-o", "sum.safetensors"],
    ] {
      let result = try runner.start(CommandRunner.errata, arguments + ["--json", "--quiet"]).wait()
      #expect(result.status == 0 && result.errors.isEmpty)
      _ = try result.object()
    }
  }

  @Test func `apply to another form of the model`() throws {
    _ = try solve()
    let gguf = Self.fixtures + "/models/tiny-gpt2-f16.gguf"
    let keys =
      "name source bytes digest baseType type correlation relativeNorm retention relativeError dropsDifference"
    let looked = try runner.errata("apply", "fix.errata", gguf, "--port", "--dry-run", "--json").object()
    #expect(looked["written"] == .bool(false) && looked["undo"] == .null)
    let ported = try runner.errata(
      "apply", "fix.errata", gguf, "--port", "--undo", "undo.errata", "-o", "out.gguf", "--json"
    ).object()
    expectKeys("direction ported written output undo bytes notCopied", of: ported)
    for object in [looked, ported] { expectKeys(keys, ofEach: object["tensors"], count: 2) }
    #expect(ported["undo"] == "undo.errata" && ported["output"] == "out.gguf")
    let tensor = ported["tensors"]?.elements?[0]
    #expect(tensor?["name"] == "blk.1.ffn_down.weight" && tensor?["baseType"] == "F16")
    #expect((tensor?["retention"]?.number).map { abs($0 - 1) < 1e-3 } == true)
    let state = try runner.errata("verify", "undo.errata", "out.gguf", "--json").object()
    #expect(state["state"] == "edited")
  }

  @Test func `export`() throws {
    _ = try solve()
    let object = try runner.errata("export", "fix.errata", "--as", "peft", "-o", "lora", "--json").object()
    expectKeys("adapter form family rank tensors losses", of: object)
    expectKeys("name target rank", ofEach: object["tensors"], count: 2)
    expectKeys("tensor reason", ofEach: object["losses"], count: 1)
  }
}
