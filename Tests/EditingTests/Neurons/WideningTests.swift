import Floor
import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Layers that are made wider, in every family and container.
@Suite struct WideningTests {
  /// Neurons that do something, or nothing: all are drawn, and their columns may be zero.
  private func neurons(_ network: Network, count: Int, areSilent: Bool) -> AddedNeurons {
    var generator = SplitMix64(seed: 3)
    func drawn(_ rows: Int, _ columns: Int) -> Matrix<Float> {
      Matrix(
        rows: rows, columns: columns,
        elements: (0..<rows * columns).map { _ in Float(generator.unit() - 0.5) })
    }
    let width = network.configuration.width
    return AddedNeurons(
      first: drawn(count, width), bias: [Float](repeating: 0, count: count),
      up: network.configuration.isGated ? drawn(count, width) : nil,
      columns: areSilent ? Matrix(rows: count, columns: width) : drawn(count, width))
  }

  private func logits(_ network: Network, _ tokens: [Int32]) throws -> [Float] {
    let run = try network.run([TokenSequence(tokens)])
    return network.lastLogits(of: run).rows.matrix().elements
  }

  private static let families =
    ((try? Folder.names(in: PackageFiles.path("Fixtures/models/families"))) ?? []).sorted()
    .filter { !$0.contains("mixtral") && !$0.contains("moe") }

  @Test(arguments: families) func `a silent neuron changes no logit, and its layer alone is another`(
    name: String
  ) throws {
    let folder = try TemporaryFolder()
    let base = try Network(ModelFile(PackageFiles.path("Fixtures/models/families/\(name)")), threads: 1)
    let tokens: [Int32] = [3, 1, 4, 1, 5]
    let wanted = try logits(base, tokens)
    for areSilent in [true, false] {
      try Folder.create(folder.path("\(areSilent)"))
      let widened = try WidenedModel(base, layer: 1, neurons(base, count: 3, areSilent: areSilent))
      let model = try widened.write(to: folder.path("\(areSilent)"))
      let network = try Network(model, threads: 1)
      #expect(network.configuration.feedForwardWidth == base.configuration.feedForwardWidth + widened.added)
      #expect(network.configuration.feedForwardWidth % 32 == 0)
      let found = try logits(network, tokens)
      // Zeros add nothing, but the order of sums over a key may be another.
      #expect((relativeError(found, wanted) < 1e-5) == areSilent)
    }
  }

  @Test(arguments: ["tiny-gpt2", "tiny-llama-q8_0.gguf"])
  func `an edit that widens is exact both ways, and says the fact`(name: String) throws {
    let folder = try TemporaryFolder()
    let path = PackageFiles.path("Fixtures/models/\(name)")
    let fixture = try FixtureModel(name.hasPrefix("tiny-gpt2") ? "tiny-gpt2" : "tiny-llama", at: path)
    var edit = try fixture.run(.tPatcher, facts: 1)
    edit.plan.recipe.neurons.widens = true
    let report = try edit.write("fix", in: folder)
    #expect(report.failed.isEmpty && report.widths?.base == 256 && report.widths?.result == 288)
    let patch = try PatchFile(folder.path("fix"))
    // Rows of one side, columns of the other; what is behind config.json or the metadata.
    #expect(Set(patch.changes.map(\.label)) == ["resized", "extended"] && patch.changesLayout)
    #expect(
      patch.manifest["edit"]?["recipe"]?["widen"] == true && patch.beside.isEmpty == name.hasSuffix("gguf"))
    for (direction, from, to) in [
      (PatchRun.Direction.apply, path, "out"), (.revert, folder.path("out"), "back"),
    ] {
      try PatchRun(patch, ModelFile(from), threads: 1).write(direction, to: folder.path(to))
    }
    #expect(try Network(ModelFile(folder.path("out")), threads: 1).configuration.feedForwardWidth == 288)
    let files = Folder.exists(path) ? try Folder.names(in: path).map { "/" + $0 } : [""]
    for file in files {
      #expect(try folder.read("back" + file) == FileBytes.read(path + file), "\(file)")
    }
  }

  @Test func `all families are looked at`() { #expect(Self.families.count > 50) }

  @Test func `several batches, single files and experts are refused`() throws {
    var options = PlanOptions()
    options.method = .caliNet
    options.settings = [(.widen, true)]
    let model = try FixtureModel("tiny-llama")
    #expect(try options.plan(for: model.network.configuration).recipe.neurons.widens)
    options.accumulates = true
    #expect(throws: EditError.self) { try options.plan(for: model.network.configuration) }
    options.accumulates = false
    #expect(throws: EditError.self) { try options.validate(for: .memit) }

    let folder = try TemporaryFolder()
    let copy = try model.changed(in: folder)
    let single = try Network(ModelFile(folder.path("model.safetensors")), threads: 1)
    #expect(throws: EditError.self) {
      try WidenedModel(single, layer: 1, neurons(single, count: 1, areSilent: true))
    }
    withExtendedLifetime(copy) {}
    let experts = try Network(ModelFile(PackageFiles.path("Fixtures/models/tiny-moe")), threads: 1)
    #expect(throws: NetworkError.self) {
      try WidenedModel(experts, layer: 1, neurons(experts, count: 1, areSilent: true))
    }
  }

  @Test func `a number of a JSON text is another, and nothing else`() {
    func replaced(_ text: String) -> String? {
      WidenedModel.replacing("n", in: Array(text.utf8), by: 7).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(replaced("{\"n\" : 12,\"m\":1}") == "{\"n\" : 7,\"m\":1}")
    #expect(replaced("{\"nn\":1,\"n\":null}") == "{\"nn\":1,\"n\":7}")
    #expect(
      replaced("{\"m\":\"n\"}") == nil && replaced("{\"n\":\"x\"}") == nil && replaced("{\"m\":1}") == nil)
    #expect(replaced("\"n\"") == nil && replaced("") == nil)
  }
}
