import Editing
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Evaluation

/// A second model that answers for facts of a memory: the model itself as its own second changes nothing, another one answers in its own tokens.
@Suite struct SecondModelTests {
  private let folder: TemporaryFolder
  private let llama: LanguageModel
  private let records: [FactRecord]

  init() throws {
    folder = try TemporaryFolder()
    llama = try Self.model("tiny-llama")
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).limited(to: 2).records
  }

  private static func model(_ name: String) throws -> LanguageModel {
    try LanguageModel(ModelFile(PackageFiles.path("Fixtures/models/\(name)")), threads: 1)
  }

  /// A memory of the records, which the model itself or a second one reads.
  private func memory(answeredBy second: SecondModel? = nil) throws -> PatchFile {
    var edit = MemoryEdit(.ike, of: records, for: llama)
    // The tiny model of 72 positions has no room for more.
    edit.action = MemoryAction(text: "{fact}. {question}")!
    if let second { edit.action = edit.action.asking(second.digest) }
    return try edit.write(to: folder.path(second == nil ? "own" : "second"), tool: "test").patch
  }

  private func answers(
    _ model: LanguageModel, _ change: (inout EvaluationSettings) -> Void = { _ in }
  ) throws -> [RecordAnswers] {
    var settings = EvaluationSettings()
    (settings.speaks, settings.spokenTokens, settings.memory) = (true, 4, model.memory)
    change(&settings)
    let evaluation = Evaluation(network: model.network, tokenizer: model.tokenizer, settings: settings)
    var found: [RecordAnswers] = []
    try evaluation.ask(records) { found += $1 }
    return found
  }

  @Test func `a model that is its own second answers as it would by itself, to the last bit`() throws {
    let second = try SecondModel(llama)
    let (own, asked) = (try memory(), try memory(answeredBy: second))
    let plain = try answers(try llama.applying([own]))
    let found = try answers(try llama.applying([asked], answeringWith: [second]))
    for (one, other) in zip(plain, found) {
      for (a, b) in zip(one.probes, other.probes) {
        #expect(a.said == b.said && a.wanted == b.wanted && a.continuation == b.continuation)
        // Asked in other company, the last bits differ.
        #expect(abs((a.logProbability ?? 0) - (b.logProbability ?? 0)) < 1e-4)
      }
    }
  }

  @Test
  func `another model answers where a fact speaks, and what it says is compared in the first one's tokens`()
    throws
  {
    let gpt2 = try Self.model("tiny-gpt2")
    let second = try SecondModel(gpt2)
    let model = try llama.applying([try memory(answeredBy: second)], answeringWith: [second])
    let base = try answers(llama)
    let found = try answers(model)
    var (routed, others) = (0, 0)
    for (index, record) in found.enumerated() {
      for (own, before) in zip(record.probes, base[index].probes) {
        #expect(own.wanted == before.wanted && own.said.count == before.said.count)
        if let recall = try model.recall(own.probe.prompt) {
          routed += 1
          #expect(own.continuation == (try gpt2.continuation(of: recall.text(own.probe.prompt), count: 4)))
          #expect(
            try model.continuation(of: own.probe.prompt, count: 4)
              == gpt2.continuation(of: recall.text(own.probe.prompt), count: 4))
          #expect(
            try model.candidates(after: own.probe.prompt, count: 3).map(\.token)
              == gpt2.candidates(after: recall.text(own.probe.prompt), count: 3).map(\.token))
        } else {
          others += 1
          #expect(own.said == before.said && own.continuation == before.continuation)
        }
      }
    }
    #expect(routed > 0 && others > 0)
  }

  @Test func `texts are written by the model that answers`() throws {
    let gpt2 = try Self.model("tiny-gpt2")
    let second = try SecondModel(gpt2)
    func samples(_ model: LanguageModel) throws -> [String?] {
      try answers(model) {
        $0.speaks = false
        ($0.writes, $0.textTokens) = (true, 24)
      }.map(\.sample)
    }
    let own = try samples(llama.applying([try memory(answeredBy: second)], answeringWith: [second]))
    #expect(own != (try samples(llama)))
  }

  @Test func `a second model that is not there is refused, by its digest`() throws {
    let second = try SecondModel(Self.model("tiny-gpt2"))
    let patch = try memory(answeredBy: second)
    let own = try SecondModel(llama)
    for given in [[], [own]] {
      #expect {
        try llama.applying([patch], answeringWith: given)
      } throws: { error in
        guard case .secondModelMissing(let file, let expected, let found) = error as? EditError else {
          return false
        }
        return file == patch.path && expected == second.digest && found == given.map(\.digest)
      }
    }
    #expect(throws: EditError.self) {
      try MemoryEdit(.serac, of: records, for: llama).write(to: folder.path("none"), tool: "test")
    }
  }
}
