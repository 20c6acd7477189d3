internal import LinearAlgebra
internal import ModelFiles
public import Patches
internal import Synchronization
public import Transformer

extension Memory {
  /// A fact that speaks through a layer's output.
  public struct StateRecall: Sendable, Equatable {
    /// What was looked at, and the limit that it is on the right side of.
    public enum Reading: Sendable, Equatable {
      /// How far the prompt's state is from the fact's key, and ε, within which it speaks.
      case distance(Double, radius: Double)
      /// The greatest length of what the side weight adds at a token of the prompt, and from which on it speaks.
      case activation(Double, threshold: Double)

      /// What decides between several: the greatest speaks.
      var score: Double {
        switch self {
        // The nearest key was found among its own; one that a prompt lies at is surer than any side weight.
        case .distance: .infinity
        case .activation(let activation, let threshold): activation / threshold
        }
      }
    }

    /// The patch that it is of.
    public let path: String
    /// Its number in its memory, from 0; the first of those that share a side weight.
    public let index: Int
    /// The fact.
    public let fact: Fact
    /// Facts that speak together with it, itself among them.
    public let count: Int
    /// Why.
    public let reading: Reading
    /// What the network does then.
    public let replacement: OutputReplacement

    /// Their numbers in its memory.
    var facts: Range<Int> { index..<index + count }
  }

  /// Whether a part looks at states.
  var hasStates: Bool {
    sources.contains { $0.arrays.section.parts.contains { $0.route.layer != nil } }
  }

  /// For each prompt what a layer gives otherwise: the value of the fact whose key its last token's state lies within the radius of, of several
  /// memories the last's; where there is none, the side weight that it activates most, measured by its threshold.
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
    for (layer, sides) in try sides(in: network) {
      let waiting = prompts.indices.filter { recalls[$0]?.reading.score != .infinity }
      let found = Mutex([StateRecall?](repeating: nil, count: waiting.count))
      // Each prompt by itself on one thread: what it activates has the same bits whatever is asked beside it.
      try BLASThreads.with(1) {
        try parallelFor(waiting.count, width: network.threads, state: {}) { place, _ in
          let keys = try network.alone.keys(of: [prompts[waiting[place]]], layer: layer)
          let best = sides.best(for: keys)
          guard let best else { return }
          let recall = try recall(best.side, layer, best.activation)
          found.withLock { $0[place] = recall }
        }
      }
      for (place, recall) in found.withLock({ $0 }).enumerated() {
        guard let recall, recalls[waiting[place]].map({ $0.reading.score <= recall.reading.score }) ?? true
        else { continue }
        recalls[waiting[place]] = recall
      }
    }
    return recalls
  }

  // MARK: Nearest keys

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
    let value = source.arrays.row(MemorySection.own("values", of: number), best.place)
    return StateRecall(
      path: source.path, index: index, fact: try fact(index, of: source), count: 1,
      reading: .distance(Double(best.distance), radius: Double(radii[best.place])),
      replacement: OutputReplacement(layer: layer, position: position, value: value))
  }

  private func fact(_ index: Int, of source: Source) throws -> Fact {
    guard let fact = Fact(json: try source.arrays.fact(index)) else {
      throw PatchError.badMemory(file: source.path, array: "facts")
    }
    return fact
  }

  // MARK: Side weights

  /// A side weight with what it is of.
  struct Side: Sendable {
    let source: Source
    let facts: Range<Int>
    let weight: SideWeight
    let threshold: Double
  }

  /// The side weights that fit a network, by layer, in their order.
  private func sides(in network: Network) throws -> [(layer: Int, sides: [Side])] {
    var all: [Int: [Side]] = [:]
    for source in sources {
      for (number, part) in source.arrays.section.parts.enumerated() {
        guard case .activation(let layer, let threshold) = part.route,
          layer < network.configuration.layerCount
        else { continue }
        let weight = source.arrays.sideWeight(of: number)
        guard weight.left.rows == network.configuration.width,
          weight.right.columns == network.keyWidth(of: layer)
        else { continue }
        all[layer, default: []].append(
          Side(source: source, facts: part.facts, weight: weight, threshold: threshold))
      }
    }
    return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func recall(_ side: Side, _ layer: Int, _ activation: Float) throws -> StateRecall {
    StateRecall(
      path: side.source.path, index: side.facts.lowerBound,
      fact: try fact(side.facts.lowerBound, of: side.source), count: side.facts.count,
      reading: .activation(Double(activation), threshold: side.threshold),
      replacement: OutputReplacement(layer: layer, adding: side.weight))
  }
}

extension [Memory.Side] {
  /// The one that a prompt activates most, measured by its threshold, if it reaches that; of equals the last.
  func best(for keys: Matrix<Float>) -> (side: Memory.Side, activation: Float)? {
    var best: (side: Memory.Side, activation: Float)?
    for side in self {
      let activation = side.weight.activation(of: keys)
      guard Double(activation) >= side.threshold else { continue }
      if best.map({ Double($0.activation) / $0.side.threshold <= Double(activation) / side.threshold })
        ?? true
      {
        best = (side, activation)
      }
    }
    return best
  }
}

extension SideWeight {
  /// max ‖Δ k‖ over a prompt's tokens but the first, whose state is nearly the same in every text; of a single token, its own.
  ///
  /// - Parameter keys: what the down-projection reads. `[tokens × keyWidth]`
  func activation(of keys: Matrix<Float>) -> Float {
    (min(1, keys.rows - 1)..<keys.rows).map { row in
      product(Array(keys.row(row))).reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    }.max() ?? 0
  }
}

extension MemoryArrays {
  /// The side weight of a part whose action is one.
  func sideWeight(of part: Int) -> SideWeight {
    func matrix(_ name: String) -> Matrix<Float> {
      let stored = MemorySection.own(name, of: part)
      let shape = shape(of: stored)
      return Matrix(
        rows: shape[0], columns: shape[1], elements: (0..<shape[0]).flatMap { row(stored, $0) })
    }
    return SideWeight(left: matrix("left"), right: matrix("right"))
  }
}
