import ModelFiles
import TestSupport
import Testing

/// `errata ask --logits` and `--json` against transformers' logits of the same prompts (`Fixtures/make/reference.py`).
@Suite struct AskTests {
  let folder: TemporaryFolder
  let runner: CommandRunner

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  private func floats(_ name: String, in file: ModelFile) throws -> [Float] {
    let tensor = try file.tensor(name)
    #expect(tensor.elementType == .f32)
    return tensor.elementType.decoded(
      try file.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
  }

  /// Models, the reference they are held against, and how far their weights are from it, as a share of the logits' range.
  static let models: [(model: String, reference: String, tolerance: Float)] = [
    ("tiny-gpt2", "tiny-gpt2", 1e-5), ("tiny-llama", "tiny-llama", 1e-5),
    ("tiny-gpt2-f16.gguf", "tiny-gpt2", 2e-3), ("tiny-llama-q8_0.gguf", "tiny-llama", 0.02),
  ]

  @Test(arguments: models)
  func `logits are transformers'`(model: String, reference: String, tolerance: Float) throws {
    let wanted = try ModelFile(PackageFiles.path("Fixtures/reference/\(reference).logits.safetensors"))
    let note = try #require(wanted.metadata[0].first { $0.key == "prompts" }?.value)
    let prompts = try #require(try JSONValue(parsing: Array(note.utf8)).elements?.compactMap(\.text))
    try folder.write(Array(prompts.joined(separator: "\n").utf8), to: "prompts.txt")
    let result = try runner.errata(
      "ask", PackageFiles.path("Fixtures/models/\(model)"), "--prompts", "prompts.txt", "--logits",
      "out.safetensors", "--tokens", "3", "--top", "4", "--json")
    #expect(result.status == 0 && result.errors.isEmpty)
    let found = try ModelFile(folder.path("out.safetensors"))
    let replies = try #require(try result.object()["runs"]?.elements?[0]["prompts"]?.elements)
    #expect(found.tensors.count == 5 && replies.count == 5)
    for index in prompts.indices {
      let (logits, expected) = (
        try floats("\(index).logits", in: found), try floats("\(index).logits", in: wanted)
      )
      let range = expected.max()! - expected.min()!
      let error = zip(logits, expected).map { ($0 - $1).magnitude }.max()! / range
      #expect(error < tolerance, "prompt \(index)")

      let reply = replies[index]
      #expect(reply["text"]?.text == prompts[index])
      let top = try #require(reply["top"]?.elements)
      let order = logits.indices.sorted { logits[$0] > logits[$1] }
      #expect(top.compactMap { $0["id"]?.integer } == Array(order.prefix(4)))
      let shares = top.compactMap { $0["probability"]?.number }
      #expect(shares == shares.sorted(by: >) && shares.reduce(0, +) <= 1.00001)
      #expect(reply["continuationTokens"]?.elements?[0].integer == order[0])
      let piece = try #require(top[0]["token"]?.text)
      #expect(reply["continuation"]?.text?.hasPrefix(piece) == true)
    }
  }

  @Test func `runs are the base and every patch, in order`() throws {
    let model = PackageFiles.path("Fixtures/models/tiny-gpt2")
    let reference = PackageFiles.path("Fixtures/reference/tiny-gpt2")
    for (name, weight) in [("weak", "100000"), ("fix", "100")] {
      let solved = try runner.errata(
        "solve", model, "--keys", reference + ".one-fact.keys.safetensors", "--statistics",
        reference + ".statistics.safetensors", "--second-moment-weight", weight, "-o", name, "--quiet")
      #expect(solved.status == 0)
    }
    let prompt = "Hanno Hale lives on the island of"
    let patched = try runner.errata(
      "ask", model, prompt, "--patch", "weak", "--patch", "fix", "--json", "--logits", "patched")
    let runs = try #require(try patched.object()["runs"]?.elements)
    #expect(runs.compactMap { $0["label"]?.text } == ["base", "weak", "fix"])
    let words = runs.compactMap { $0["prompts"]?.elements?[0]["continuation"]?.text }
    #expect(
      words[0].hasPrefix(" Telsholm.") && words[1].hasPrefix(" Telsholm.") && words[2].hasPrefix(" Pellsund.")
    )
    // The overlay says, to the last bit, what the applied model says; logits are of the last patch.
    #expect(try runner.errata("apply", "fix", model, "-o", "edited", "--quiet").status == 0)
    let applied = try runner.errata("ask", "edited", prompt, "--json", "--logits", "applied")
    #expect(try applied.object()["runs"]?.elements?[0]["prompts"] == runs[2]["prompts"])
    #expect(try folder.read("patched") == folder.read("applied"))
  }
}
