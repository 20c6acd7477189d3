import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// A network larger than memory: the same numbers, and each block's pages are those that it reads.
@Suite struct LayerPagesTests {
  static let models = ["tiny-gpt2", "tiny-llama-q4_k.gguf", "tiny-moe"]

  private func network(_ name: String, limit: Int) throws -> Network {
    try Network(ModelFile(PackageFiles.path("Fixtures/models/\(name)")), threads: 2, memoryLimit: limit)
  }

  @Test(arguments: models) func `pages that were given back are read again`(name: String) throws {
    let roomy = try network(name, limit: .max)
    let tight = try network(name, limit: 1)
    #expect(roomy.pages == nil)
    #expect(tight.pages?.layers.count == tight.configuration.layerCount)
    let text = TokenSequence([3, 1, 4, 1, 5])
    func logits(_ network: Network) throws -> [Float] {
      network.logits(of: try network.run([text]), rows: [2, 4]).rows.matrix().elements
    }
    let wanted = try logits(roomy)
    for _ in 0..<2 { #expect(try logits(tight) == wanted) }
    func gradient(_ network: Network) throws -> [Float] {
      let run = try network.run([text], keeping: .tape)
      let logits = network.logits(of: run, rows: [4])
      let loss = try network.loss([LossTerm(row: 0, .target(2), weight: 1)], of: logits)
      return network.backward(run, logits: logits, gradient: loss.gradient).matrix().elements
    }
    #expect(try gradient(tight) == gradient(roomy))
    // As if edited: what lies in memory is not the file's.
    let weight = tight.downProjections(of: 1)[0].name
    let tensor = try tight.model.tensor(weight)
    let bytes = try tight.model.file(of: tensor).read(
      tensor.byteCount, at: tensor.byteRange.lowerBound)
    var overlay = WeightOverlay()
    overlay[weight] = bytes
    let overlaid = try tight.overlaid(overlay)
    #expect(try logits(overlaid) == wanted)
    #expect(overlaid.blockByteCounts[1] == tight.blockByteCounts[1] - tensor.byteCount)
  }

  @Test(arguments: models) func `every byte of a block's matrices is one of its pages`(name: String) throws {
    let network = try network(name, limit: 1)
    let pages = try #require(network.pages)
    for layer in 0..<network.configuration.layerCount {
      for projection in network.downProjections(of: layer) {
        let tensor = try network.model.tensor(projection.stack ?? projection.name)
        #expect(
          pages.layers[layer].contains {
            $0.range.contains(tensor.byteRange.lowerBound)
              && $0.range.upperBound >= tensor.byteRange.upperBound
          })
      }
      #expect(network.blockByteCounts[layer] > 0)
    }
  }

  @Test func `blocks that take less than half of the memory stay`() throws {
    let file = try MappedFile(
      OpenFile(PackageFiles.path("Fixtures/models/tiny-gpt2/model.safetensors"), .reading))
    func places(_ ranges: [Range<Int>]) -> [LayerPages.Place] { ranges.map { .init(file: file, range: $0) } }
    let layers = [places([0..<40]), places([40..<70])]
    #expect(LayerPages(layers, memory: 140) == nil)
    #expect(LayerPages(layers, memory: 139) != nil)
    // Neighbors are one place, in whatever order they were opened; others are not.
    let far = 1 << 20
    let joined = LayerPages.joined(places([100..<200, 0..<50, 50..<90, far..<far + 5, 190..<195]))
    #expect(joined.map(\.range) == [0..<200, far..<far + 5])
  }
}
