import ModelFiles
import TestSupport
import Testing

/// The object of `errata edit --json`, and that it tells the truth.
@Suite struct EditJSONTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  static let fixtures = PackageFiles.path("Fixtures")

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  private func edit(_ model: String, _ more: String...) throws -> CommandResult {
    let arguments =
      [
        "edit", "\(Self.fixtures)/models/\(model)", "--facts", "\(Self.fixtures)/world/facts.json", "--limit",
        "2", "--contexts", "\(Self.fixtures)/world/contexts.json", "--layers", "1,2", "--json", "-o", "fix",
      ] + more
    return try runner.start(CommandRunner.errata, arguments).wait()
  }

  private func expectKeys(_ keys: String, of value: JSONValue?) {
    for key in keys.split(separator: " ") {
      #expect(
        value?[String(key)] != nil, "no \(key) in \(String(describing: value?.compactText.prefix(300)))")
    }
  }

  @Test func `keys that scripts may rely on`() throws {
    let result = try edit(
      "tiny-llama", "--statistics", "\(Self.fixtures)/reference/tiny-llama.statistics.safetensors",
      "--second-moment-weight", "20")
    #expect(result.status == 0)
    let object = try result.object()
    expectKeys(
      "patch digest bytes method tensors facts recipe contexts losses taken locality heldText seconds warnings",
      of: object)
    #expect(object["tensors"]?.elements?.count == 2)
    for tensor in object["tensors"]?.elements ?? [] {
      expectKeys(
        "name rank ridge jitter relativeNorm preservation retention condition form seconds", of: tensor)
    }
    let facts = try #require(object["facts"]?.elements)
    for fact in facts {
      expectKeys(
        "id prompt subject target formerTarget column probabilityBefore probabilityAfter isSaid steps valueProbability",
        of: fact)
      expectKeys(
        "valueNorm isClamped isReached locality memorizationError writtenFraction retention", of: fact)
    }
    expectKeys(
      "secondMomentWeight ridge usesSecondMoment layers steps learningRate divergenceWeight weightDecay clamp stop keep",
      of: object["recipe"])
    expectKeys("target seed source", of: object["recipe"])
    expectKeys("lossBefore lossAfter", of: object["heldText"])
    #expect(object["taken"] == 2 && object["method"] == "memit" && object["contexts"]?.elements?.count == 5)
    let steps = facts.compactMap { $0["steps"]?.integer }
    #expect(object["losses"]?.elements?.map { $0.elements?.count ?? 0 } == steps)

    // The patch says the same of itself, and the model says what the patch promises.
    let shown = try runner.errata("show", "fix", "--json").object()
    #expect(shown["edit"]?["facts"] == object["facts"] && shown["digest"] == object["digest"])
    let prompts = facts.compactMap { fact -> String? in
      fact["subject"]?.text.flatMap { fact["prompt"]?.text?.replacing("{}", with: $0) }
    }
    try folder.write(Array(prompts.joined(separator: "\n").utf8), to: "prompts.txt")
    let asked = try runner.errata(
      "ask", "\(Self.fixtures)/models/tiny-llama", "--prompts", "prompts.txt", "--patch", "fix", "--json")
    let replies = try #require(try asked.object()["runs"]?.elements?[1]["prompts"]?.elements)
    for (fact, reply) in zip(facts, replies) {
      let target = try #require(fact["target"]?.text)
      #expect(reply["continuation"]?.text?.hasPrefix(" " + target) == true)
    }
    // The second fact's target is one token: its probability is asked for directly.
    let asks = replies[1]["top"]?.elements?[0]["probability"]?.number ?? 0
    let promised = facts[1]["probabilityAfter"]?.number ?? 1
    #expect((asks - promised).magnitude < 2e-5)
  }

  @Test func `without statistics a small one is collected from a text, and kept where asked`() throws {
    let corpus = "\(Self.fixtures)/world/corpus.txt"
    let result = try edit(
      "tiny-gpt2", "--corpus", corpus, "--save-statistics", "kept", "--second-moment-weight", "100")
    #expect(result.status == 0 && result.errors.contains("at most 2.56 k tokens"))
    let shown = try runner.errata("show", "kept", "--json").object()
    let tokens = try #require(shown["weights"]?.elements?[0]["tokens"]?.integer)
    #expect((2560..<2560 + 72).contains(tokens))
    #expect(try Folder.names(in: folder.path) == ["fix", "kept"])
    let first = try folder.read("fix")
    #expect(try edit("tiny-gpt2", "--statistics", "kept", "--second-moment-weight", "100").status == 0)
    #expect(try folder.read("fix") == first)
  }

  @Test func `a refusal is an object with a name`() throws {
    let result = try edit("tiny-gpt2", "--statistics", "\(Self.fixtures)/reference/solver.safetensors")
    #expect(result.status == 1)
    #expect(try result.object()["error"]?["name"]?.text != nil)
    try folder.write(Array("[3]".utf8), to: "facts.json")
    let facts = try runner.errata(
      "edit", "\(Self.fixtures)/models/tiny-gpt2", "--facts", "facts.json", "-o", "none", "--json")
    #expect(try facts.object()["error"]?["name"] == "wrongType")
  }
}
