internal import LinearAlgebra
internal import ModelFiles
public import Patches
public import Transformer

extension Memory {
  /// A fact that speaks through a layer's output.
  public struct StateRecall: Sendable, Equatable {
    /// The patch that it is of.
    public let path: String
    /// Its number in its memory, from 0.
    public let index: Int
    /// The fact.
    public let fact: Fact
    /// Distance of the prompt's state from the fact's key, and the radius within which it speaks.
    public let distance: Double
    /// ε.
    public let radius: Double
    /// What the network does then.
    public let replacement: OutputReplacement
  }

  /// Whether a part looks at states.
  var hasStates: Bool {
    sources.contains { $0.arrays.section.parts.contains { $0.action == .replaceOutput } }
  }

  /// For each prompt the fact whose key its last token's state lies within the radius of; of several memories the last.
  ///
  /// - Parameter prompts: tokens as the network reads them; none of what follows.
  public func states(of prompts: [[Int32]], in network: Network) throws -> [StateRecall?] {
    var recalls = [StateRecall?](repeating: nil, count: prompts.count)
    guard hasStates, !prompts.isEmpty else { return recalls }
    for source in sources {
      for (number, part) in source.arrays.section.parts.enumerated() {
        guard case .hidden(let layer) = part.route, layer < network.configuration.layerCount,
          source.arrays.shape(of: MemorySection.own("keys", of: number)).last
            == network.configuration.feedForwardWidth,
          source.arrays.shape(of: MemorySection.own("values", of: number)).last == network.configuration.width
        else { continue }
        // A few prompts at a time: a state is read of each, but all are run.
        for first in stride(from: 0, to: prompts.count, by: 64) {
          let range = first..<min(first + 64, prompts.count)
          let keys = try network.lastKeys(of: Array(prompts[range]), layer: layer)
          for (row, prompt) in range.enumerated() {
            let query = Array(keys.row(row))
            if let own = try recall(source, part, number, layer, query, prompts[prompt].count - 1) {
              recalls[prompt] = own
            }
          }
        }
      }
    }
    return recalls
  }

  private func recall(
    _ source: Source, _ part: MemorySection.Part, _ number: Int, _ layer: Int, _ query: [Float],
    _ position: Int
  ) throws -> StateRecall? {
    let keys = MemorySection.own("keys", of: number)
    var best: (place: Int, distance: Float)?
    for place in 0..<part.facts.count {
      let distance = GraceCodebook.distance(source.arrays.row(keys, place), query)
      if best.map({ distance <= $0.distance }) ?? true { best = (place, distance) }
    }
    let radii = source.arrays.row(MemorySection.own("radii", of: number), 0)
    guard let best, best.distance <= radii[best.place] else { return nil }
    let index = part.facts.lowerBound + best.place
    guard let fact = Fact(json: try source.arrays.fact(index)) else {
      throw PatchError.badMemory(file: source.path, array: "facts")
    }
    let value = source.arrays.row(MemorySection.own("values", of: number), best.place)
    return StateRecall(
      path: source.path, index: index, fact: fact, distance: Double(best.distance),
      radius: Double(radii[best.place]),
      replacement: OutputReplacement(layer: layer, position: position, value: value))
  }
}
