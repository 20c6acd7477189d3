internal import LinearAlgebra

/// Which neurons an answer lies in, from what each adds to its probability.
enum KnowledgeNeurons {
  /// An entry of a layer's keys.
  struct Neuron: Hashable, Comparable, Sendable {
    let layer: Int
    let index: Int

    static func < (first: Neuron, second: Neuron) -> Bool {
      (first.layer, first.index) < (second.layer, second.index)
    }
  }

  /// The neurons of one text: those with at least a share of its largest attribution.
  ///
  /// - Parameter place: of the text among those that were looked at.
  static func coarse(
    _ found: NeuronAttribution.Found, place: Int, threshold: Double, layers: [Int]
  ) -> [Neuron: Float] {
    let largest = layers.flatMap { found.attributions[$0].row(place) }.max() ?? 0
    guard largest > 0 else { return [:] }
    var neurons: [Neuron: Float] = [:]
    for layer in layers {
      for (index, attribution) in found.attributions[layer].row(place).enumerated()
      where Double(attribution) >= threshold * Double(largest) {
        neurons[Neuron(layer: layer, index: index)] = attribution
      }
    }
    return neurons
  }

  /// The neurons that a share of a fact's texts have in common; the share is moved until there are two to five.
  ///
  /// - Source: Hunter-DDM/knowledge-neurons, `src/2_get_kn.py`: 0.05 up or down, six times at most. There the mean over all facts is to lie
  ///   between two and five; here each fact's own number.
  static func refined(_ texts: [[Neuron: Float]], share: Double) -> [(neuron: Neuron, attribution: Float)] {
    var counts: [Neuron: Int] = [:]
    var sums: [Neuron: Float] = [:]
    for text in texts {
      for (neuron, attribution) in text {
        counts[neuron, default: 0] += 1
        sums[neuron, default: 0] += attribution
      }
    }
    func chosen(_ share: Double) -> [Neuron] {
      // As whole numbers: 0.7 of 10 texts are 7.
      let least = max(1, Int((share * Double(texts.count) - 1e-9).rounded(.up)))
      return counts.filter { $0.value >= least }.map(\.key)
    }
    var share = share
    var neurons = chosen(share)
    for _ in 0..<6 where texts.count > 1 {
      if neurons.count > 5 { share += 0.05 } else if neurons.count < 2 { share -= 0.05 } else { break }
      guard share <= 1, share > 0 else { break }
      let next = chosen(share)
      // Some are better than none.
      if next.isEmpty, !neurons.isEmpty { break }
      neurons = next
    }
    return neurons.sorted().map { ($0, sums[$0]! / Float(counts[$0]!)) }
  }
}
