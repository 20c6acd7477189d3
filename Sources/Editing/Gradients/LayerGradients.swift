internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Keys of some layers and gradients of a loss by their down-projections' outputs, in one forward and one backward pass.
///
/// Σ g kᵀ over the rows is the gradient by a layer's weight.
struct LayerGradients {
  let network: Network
  /// Rising.
  let layers: [Int]

  struct Found {
    /// By layer. `[rows × keyWidth]`
    var keys: [Matrix<Float>]
    /// By layer. `[rows × width]`
    var gradients: [Matrix<Float>]
    /// Of each term, without its weight.
    var values: [Float]
  }

  /// What enters the first of the layers. `[rows × width]`
  func inputs(of sequences: [TokenSequence]) throws -> Matrix<Float> {
    try network.run(sequences, .init(0..<layers[0])).hidden.matrix()
  }

  /// - Parameters:
  ///   - hidden: what enters the first of the layers. `[rows × width]`
  ///   - rows: those whose logits are read.
  ///   - terms: of the loss over these logits.
  func find(
    _ sequences: [TokenSequence], from hidden: Matrix<Float>, rows: [Int], terms: [LossTerm]
  ) throws -> Found {
    let isPlain = network.configuration.addsOutputsAsTheyAre
    var found = Found(keys: [], gradients: [], values: [])
    var outputs = layers.map { _ in Matrix<Float>(rows: 0, columns: 0) }
    var runs: [ForwardRun] = []
    var hidden = hidden
    var first = layers[0]
    for (index, layer) in layers.enumerated() {
      let run = try network.run(
        sequences, from: hidden, .init(first..<layer + 1), keeping: index == 0 ? [] : .tape
      ) { block, activation, rows in
        guard block == layer else { return }
        if activation == .key { found.keys.append(rows.matrix()) }
        if activation == .value, !isPlain { outputs[index] = rows.matrix() }
      }
      hidden = run.hidden.matrix()
      runs.append(run)
      first = layer + 1
    }
    let top = try network.run(
      sequences, from: hidden, .init(first..<network.configuration.layerCount), keeping: .tape)
    let logits = network.logits(of: top, rows: rows)
    let loss = try network.loss(terms, of: logits)
    found.values = loss.values
    var gradient = network.backward(top, logits: logits, gradient: loss.gradient)
    for index in layers.indices.reversed() {
      if index < layers.count - 1 { gradient = network.backward(runs[index + 1], from: gradient) }
      found.gradients.insert(
        network.gradient(of: outputs[index], .feedForward, layer: layers[index], after: gradient.matrix()),
        at: 0)
    }
    return found
  }
}

extension [TargetText] {
  /// The rows of all targets in a run of these texts, and a term for each; a text's own sum to a weight.
  func targetTerms(weight: Float) -> (rows: [Int], terms: [LossTerm]) {
    var rows: [Int] = []
    var terms: [LossTerm] = []
    var first = 0
    for text in self {
      for target in text.targets {
        terms.append(
          LossTerm(row: rows.count, .target(target.token), weight: weight / Float(text.targets.count)))
        rows.append(first + target.position)
      }
      first += text.tokens.count
    }
    return (rows, terms)
  }

  /// Of each text the mean of its targets' values.
  func targetMeans(_ values: [Float]) -> [Float] {
    var next = 0
    return map { text in
      defer { next += text.targets.count }
      return values[next..<next + text.targets.count].reduce(0, +) / Float(text.targets.count)
    }
  }
}
