import ModelFiles
import TestSupport
import Testing
import Transformer

/// Which experts tokens go through.
@Suite struct RoutingTests {
  @Test func `every token goes through as many experts as are chosen, in layers that have some`() throws {
    let network = try FamilyReference("qwen3_moe-mixed").network()
    let prompt = try FamilyReference("qwen3_moe-mixed").prompt(0)
    let chosen = try network.chosenExperts(in: [TokenSequence(prompt)])
    #expect(chosen.count == 2)
    for layer in chosen {
      #expect(layer.count == prompt.count)
      #expect(layer.allSatisfy { $0.count == 4 && $0.allSatisfy((0..<6).contains) })
    }
    #expect(try FamilyReference("qwen3").network().chosenExperts(in: [TokenSequence(prompt)]).isEmpty)
  }

  @Test func `a layer's weights and their keys are told apart`() throws {
    let folder = try FamilyReference("qwen3_moe-mixed").network()
    #expect(folder.downProjections(of: 1).map(\.columns) == [0..<28])
    let experts = folder.downProjections(of: 2)
    #expect(experts.count == 6 && experts[5].columns == 40..<48 && folder.keyWidth(of: 2) == 48)
    #expect(experts[3].name == "model.layers.2.mlp.experts.3.down_proj.weight")
    #expect(throws: NetworkError.layerOfExperts(layer: 2, count: 6)) { try folder.downProjection(of: 2) }
    let stacked = try FamilyReference("qwen3_moe").ggufNetwork()
    #expect(stacked.downProjections(of: 2)[3].name == "blk.2.ffn_down_exps.weight[3]")
  }

  @Test func `a part of stacked experts is run as if edited`() throws {
    let reference = try FamilyReference("qwen3_moe")
    let (folder, stacked) = try (reference.network(), reference.ggufNetwork())
    let prompt = try reference.prompt(0)
    func logits(_ network: Network, _ name: String) throws -> [Float] {
      let tensor = try network.model.tensor(name)
      var overlay = WeightOverlay()
      let bytes = try network.model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
      let halves = tensor.elementType.decoded(bytes).map { $0 * 0.5 }
      overlay[name] = try tensor.elementType.encoded(halves)
      let edited = try network.overlaid(overlay)
      let run = try edited.run([TokenSequence(prompt)])
      return edited.logits(of: run, rows: Array(0..<prompt.count)).rows.matrix().elements
    }
    let wanted = try logits(folder, folder.downProjections(of: 1)[2].name)
    #expect(relativeError(try logits(stacked, stacked.downProjections(of: 1)[2].name), wanted) < 1e-5)
    #expect(relativeError(try reference.floats("0.logits"), wanted) > 1e-3)
  }
}
