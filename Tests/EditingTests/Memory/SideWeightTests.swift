import Floor
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Editing
@testable import Patches
@testable import Transformer

/// WISE: margins and merging by hand, activation and loss by PyTorch (`Fixtures/make/wise.py`), and what a memory of side weights leaves alone.
@Suite struct SideWeightTests {
  // MARK: By hand

  @Test(arguments: [(0, 0, 30), (12, 6, 13), (25, 4, 0), (15, 5, 5)] as [(Float, Float, Float)])
  func `margins are those of the released code`(inside: Float, outside: Float, loss: Float) {
    #expect(RoutingLoss()(inside: [inside], outside: [outside]).loss == loss)
  }

  @Test func `slopes of margins are differences of losses`() {
    let (own, others): ([Float], [Float]) = ([12, 18, 24], [3, 7, 15])
    let value = RoutingLoss()(inside: own, outside: others)
    for index in own.indices {
      var more = own
      more[index] += 0.25
      let slope = (RoutingLoss()(inside: more, outside: others).loss - value.loss) / 0.25
      #expect(abs(slope - value.ofInside[index]) < 1e-4)
    }
    for index in others.indices {
      var more = others
      more[index] += 0.25
      let slope = (RoutingLoss()(inside: own, outside: more).loss - value.loss) / 0.25
      #expect(abs(slope - value.ofOutside[index]) < 1e-4)
    }
  }

  @Test func `shards are merged as TIES does`() {
    let shards: [[Float]] = [
      [0.4, -0.1, 0, 0.3, -0.2, 0.05, 0, 0.25], [-0.3, -0.2, 0.5, 0, -0.1, 0, 0.2, 0.15],
    ]
    #expect(TiesMerging.merged(shards) == [0.4, -0.2, 0.5, 0.3, -0.2, 0, 0.2, 0.25])
  }

  // MARK: By torch

  @Test(arguments: FixtureModel.names) func `activation, loss and gradient are torch's`(name: String) throws {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).wise.safetensors")
    func matrix(_ tensor: String) throws -> Matrix<Float> { Matrix<Float>(try tensors.matrix(tensor)) }
    let weight = SideWeight(left: try matrix("left"), right: try matrix("right"))
    let prompts = try model.records.prefix(5).map { try model.encoder.prompt($0.fact.filledPrompt).tokens }
    let wanted = try matrix("activations").elements
    for (prompt, wanted) in zip(prompts, wanted) {
      let activation = weight.activation(of: try model.network.keys(of: [prompt], layer: 2))
      #expect(abs(activation - wanted) < 1e-4 * wanted)
    }
    let ordinary = try SideWeightTraining.OrdinaryKeys(Array(prompts[2...]), network: model.network, layer: 2)
    let length = try matrix("length").elements[0]
    #expect(abs(ordinary.outputLength - length) < 1e-5 * length)
    let training = SideWeightTraining(network: model.network, layer: 2, steps: 1, ordinary: ordinary)
    let problems = try model.records.prefix(2).map {
      try ValueProblem(
        FactGroup(subject: $0.fact.subject, facts: [$0.fact]), contexts: [], encoder: model.encoder)
    }
    let scopes = TargetText.all(problems).map { SideWeightTraining.Scope(texts: [$0], others: []) }
    let material = try SideWeightTraining.Material(scopes, training)
    let found = try BLASThreads.with(1) { try training.evaluate(weight.left, weight.right, material) }
    let losses = try matrix("loss").elements
    #expect(abs(found.loss - losses[0]) < 1e-4 * losses[0])
    #expect(abs(found.routing - losses[1]) < 1e-4 * losses[1])
    #expect(relativeError(found.gradient.elements, try matrix("gradient").elements) < 1e-4)
  }

  // MARK: Laws

  private func language(_ model: FixtureModel) -> LanguageModel {
    LanguageModel(network: model.network, tokenizer: model.tokenizer)
  }

  private func memory(
    _ model: FixtureModel, _ facts: Range<Int>, at path: String,
    _ change: (inout MemoryEdit) -> Void = { _ in }
  ) throws -> MemoryEdit.Report {
    var edit = MemoryEdit(.wise, of: Array(model.records[facts]), for: language(model))
    change(&edit)
    return try edit.write(to: path, tool: "test")
  }

  @Test(arguments: FixtureModel.names)
  func `what no prompt activates changes no bit, and what one does is its fact's`(name: String) throws {
    let model = try FixtureModel(name)
    let folder = try TemporaryFolder()
    let report = try memory(model, 0..<4, at: folder.path("m"))
    #expect(report.patch.memory?.isBound == true && report.patch.memory?.parts.count == 4)
    let edited = try language(model).applying([report.patch])
    let prompts = try model.records.prefix(24).map { try model.encoder.prompt($0.fact.filledPrompt).tokens }
    let recalls = try edited.memory!.states(of: prompts, in: model.network)
    for index in 0..<4 { #expect(recalls[index]?.facts.contains(index) == true) }
    let quiet = prompts.indices.filter { recalls[$0] == nil }
    #expect(quiet.count > 6, "\(quiet)")
    let replacements = recalls.map { $0?.replacement }
    let said = try model.network.generate(prompts, count: 6, replacing: replacements)
    let base = try model.network.generate(prompts, count: 6)
    let run = try model.network.run(prompts, replacing: replacements)
    let (logits, baseLogits) = (
      model.network.lastLogits(of: run).rows.matrix(),
      model.network.lastLogits(of: try model.network.run(prompts, replacing: [])).rows.matrix()
    )
    let items = try model.records.prefix(24).map {
      try #require(try model.encoder.continuation($0.fact.filledPrompt, $0.fact.join, $0.fact.target))
    }
    let scores = try model.network.score(items, replacing: replacements)
    let baseScores = try model.network.score(items)
    for index in quiet {
      #expect(said[index] == base[index])
      #expect(Array(logits.row(index)) == Array(baseLogits.row(index)))
      #expect(scores[index].logProbabilities == baseScores[index].logProbabilities)
    }
    // What is generated is what is scored, token by token.
    for index in 0..<4 where report.unreached.allSatisfy({ $0.fact != model.records[index].fact }) {
      #expect(scores[index].mostProbable == items[index].target)
      #expect(Array(said[index].prefix(items[index].target.count)) == items[index].target)
    }
    #expect(report.unreached.count < 2)
    // The same decision alone and with one thread.
    let alone = try edited.memory!.states(of: [prompts[2]], in: model.network.alone)
    #expect(alone[0] == recalls[2])
  }

  @Test func `a side weight of nothing is the base, bit by bit`() throws {
    let model = try FixtureModel("tiny-llama")
    let prompt = try model.encoder.prompt(model.records[0].fact.filledPrompt).tokens
    let none = SideWeight(
      left: Matrix(rows: model.network.configuration.width, columns: 2),
      right: Matrix(rows: 2, columns: model.network.keyWidth(of: 2)))
    #expect(none.activation(of: try model.network.keys(of: [prompt], layer: 2)) == 0)
    let run = try model.network.run([prompt], replacing: [OutputReplacement(layer: 2, adding: none)])
    let base = try model.network.run([prompt], replacing: [])
    #expect(
      model.network.lastLogits(of: run).rows.matrix() == model.network.lastLogits(of: base).rows.matrix())
  }

  @Test func `facts come and go by their side weights`() throws {
    let model = try FixtureModel("tiny-llama")
    let folder = try TemporaryFolder()
    let first = try memory(model, 0..<3, at: folder.path("first"))
    let dropped = model.records[1].fact.identifier
    let second = try memory(model, 3..<4, at: folder.path("second")) {
      $0.earlier = first.patch
      $0.dropped = [dropped]
    }
    #expect(second.factCount == 3 && second.trainedAnew == 0 && second.patch.memory?.parts.count == 3)
    // Together, one that goes takes the side weight with it.
    let together = try memory(model, 0..<3, at: folder.path("together")) { $0.side.shardCount = 1 }
    #expect(together.patch.memory?.parts.count == 1)
    let less = try memory(model, 0..<0, at: folder.path("less")) {
      $0.earlier = together.patch
      $0.dropped = [dropped]
    }
    #expect(less.factCount == 2 && less.trainedAnew == 1)
    let one = try memory(model, 1..<2, at: folder.path("one"))
    #expect(throws: PatchError.tornMemory(patch: one.patch.path)) {
      _ = try PatchCombination([together.patch, one.patch], base: nil, threads: 1).write(
        to: folder.path("both"), tool: "test")
    }
    // Merged, two shards leave one side weight.
    let merged = try memory(model, 0..<4, at: folder.path("merged")) { $0.side.merging = .ties }
    #expect(merged.patch.memory?.parts.count == 1 && merged.factCount == 4)
  }

  @Test func `a layer of experts is refused`() throws {
    let model = try FixtureModel("tiny-moe", at: PackageFiles.path("Fixtures/models/tiny-moe"))
    let folder = try TemporaryFolder()
    #expect(throws: NetworkError.self) { _ = try memory(model, 0..<1, at: folder.path("m")) }
  }
}
