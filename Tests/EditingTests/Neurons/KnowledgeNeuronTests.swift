import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Attributions against PyTorch's (`Fixtures/make/neurons.py`), and what an edit makes of them.
@Suite struct KnowledgeNeuronTests {
  @Test(arguments: FixtureModel.names) func `attributions are torch's, and add up`(name: String) throws {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).neurons.safetensors")
    let tokens = try model.problems(model.facts(1))[0].prompts[0].texts[0].tokens
    let answer = try model.network.score([Continuation(prompt: tokens, target: [0])])[0].mostProbable[0]
    let attribution = NeuronAttribution(network: model.network, quadrature: .gauss(10))
    // A second place, with another past, must not change the first.
    let found = try attribution.find([
      .init(tokens: tokens, answer: answer), .init(tokens: Array(tokens.dropLast()), answer: answer),
    ])
    // What a small model says of its answer jumps on the way from nothing: ten points are near the sum for late layers alone.
    let fine = try NeuronAttribution(network: model.network, quadrature: .gauss(200)).find([
      .init(tokens: tokens, answer: answer)
    ])
    let sums = try tensors.matrix("kn.sums").elements
    for layer in sums.indices {
      let own = Array(found.attributions[layer].row(0))
      let wanted = try tensors.matrix("kn.attributions.\(layer)").elements.map { Float($0) }
      #expect(relativeError(own, wanted) < 1e-2, "layer \(layer)")
      let sum = fine.attributions[layer].row(0).reduce(0) { $0 + Double($1) }
      // In single precision a sum that is nearly none has no more digits than its parts.
      #expect(abs(sum - sums[layer]) < 1e-2 * abs(sums[layer]) + 2e-6, "layer \(layer)")
    }
  }

  @Test func `a share of the texts decides, and is moved where it leaves too many or too few`() {
    func neuron(_ index: Int) -> KnowledgeNeurons.Neuron { .init(layer: 0, index: index) }
    // Neurons 0 and 1 in all ten texts, 2 … 9 in seven.
    let texts = (0..<10).map { text in
      Dictionary(
        uniqueKeysWithValues: (0..<10).filter { $0 < 2 || text < 7 }.map { (neuron($0), Float($0 + 1)) })
    }
    let found = KnowledgeNeurons.refined(texts, share: 0.7)
    #expect(found.map(\.neuron.index) == [0, 1] && found.map(\.attribution) == [1, 2])
    // One in six of ten: the share comes down to it.
    let few = (0..<10).map { $0 < 6 ? [neuron(4): Float(1)] : [:] }
    #expect(KnowledgeNeurons.refined(few, share: 0.7).map(\.neuron.index) == [4])
    #expect(KnowledgeNeurons.refined([[:], [:]], share: 0.7).isEmpty)
    #expect(KnowledgeNeurons.refined([[neuron(3): 2]], share: 0.7).map(\.neuron.index) == [3])
  }

  @Test(arguments: FixtureModel.names)
  func `an edit changes columns of neurons alone, at rank two for a token`(
    name: String
  ) throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel(name)
    _ = try model.run(.kn, facts: 1).write("fix", in: folder)
    let patch = try PatchFile(folder.path("fix"))
    #expect(patch.manifest["edit"]?["method"] == "kn" && !patch.changes.isEmpty)
    let tokens = try model.problems(model.facts(1))[0].prompts[0].target.count
    for change in patch.changes {
      guard case .lowRank(let own) = change.kind else {
        Issue.record("\(change.name) is no low-rank change")
        continue
      }
      #expect(own.shape.rank <= 2 * tokens, "\(change.name)")
    }
  }

  /// `neurons.py` runs the whole model for every gradient, with the port's own sums.
  @Test(arguments: FixtureModel.names) func `the port's neurons and columns are torch's`(name: String) throws
  {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).neurons.safetensors")
    let prompt = try model.problems(model.facts(1))[0].prompts[0]
    var recipe = EditRecipe(for: .kn, configuration: model.network.configuration)
    #expect(recipe.change(.like, to: "easyedit") && recipe.steps == 1)
    let found = try PortedNeurons(
      network: model.network, recipe: recipe,
      encoder: PromptEncoder(model.tokenizer, for: model.network.configuration)
    ).find(prompt, prompt.texts[0])
    let write = try #require(found.write)
    for layer in recipe.layers {
      let own = write.neurons.filter { $0.layer == layer }.map(\.index)
      guard let wanted = try? tensors.matrix("kn.port.\(layer).neurons") else {
        #expect(own.isEmpty, "layer \(layer)")
        continue
      }
      #expect(own == wanted.elements.map { Int($0) }, "layer \(layer)")
      let tensor = try model.network.model.tensor(model.network.downProjection(of: layer))
      let weight = try tensor.floats(
        model.network.model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound),
        model.isGPT2 ? .inputMajor : .outputMajor)
      let columns = own.flatMap { j in
        write.direction.indices.map { weight[$0, j] + Float(write.direction[$0]) }
      }
      let expected = try tensors.matrix("kn.port.\(layer).weight").transposed().elements.map { Float($0) }
      #expect(relativeError(columns, expected) < 1e-5, "layer \(layer)")
    }
  }

  @Test func `the port's form stands in the patch, and other methods have none`() throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-llama")
    var options = PlanOptions()
    options.method = .kn
    options.settings = [(.like, "easyedit"), (.steps, 3)]
    let plan = try options.plan(for: model.network.configuration)
    #expect(plan.recipe.steps == 3)
    var edit = try model.run(.kn, facts: 1)
    edit.plan.recipe = plan.recipe
    _ = try edit.write("fix", in: folder)
    let patch = try PatchFile(folder.path("fix"))
    let recipe = try #require(patch.manifest["edit"]?["recipe"])
    #expect(recipe["like"] == "easyedit" && recipe["neuronShare"] == nil)
    #expect(try EditPlan.of(patch)?.recipe.neurons.form == .easyedit)
    #expect(try EditPlan.of(patch)?.recipe.steps == 3)
    options.method = .ftl
    #expect(throws: EditError.self) { try options.validate(for: .ftl) }
  }

  @Test func `what the model says already is left alone`() throws {
    let model = try FixtureModel("tiny-llama")
    var fact = model.facts(1)[0]
    let tokens = try model.problems([fact])[0].prompts[0].texts[0].tokens
    let said = try model.network.score([Continuation(prompt: tokens, target: [0])])[0].mostProbable
    fact = Fact(
      identifier: "said", prompt: fact.prompt, subject: fact.subject,
      target: model.tokenizer.text(of: said, after: tokens).trimmed, join: fact.join)
    let prompt = try model.problems([fact])[0].prompts[0]
    try #require(prompt.target == said)
    let search = NeuronSearch(
      network: model.network, settings: NeuronSettings(), quadrature: .gauss(4), layers: [0, 1, 2, 3])
    let found = try search.find(prompt)
    #expect(found.count == 1 && found[0].asked.allSatisfy { $0.neurons.isEmpty })
  }
}

extension String {
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
