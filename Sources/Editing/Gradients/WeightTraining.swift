internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// FT-L: one down-projection is trained on the targets, and kept within a box around what it was.
///
///     W ← Adam(W, ∂ mean −log p(target) / ∂W),   W₀ − ε ≤ W ≤ W₀ + ε
///
/// Nothing below the weight depends on it: keys and the stream after its block are computed once, and each step adds
/// (W − W₀) k and runs the blocks above. ∂/∂W is the sum over tokens of the value's gradient times the key.
///
/// - Source: kmeng01/rome, `baselines/ft/ft_main.py`, whose order of stepping, clamping and stopping this keeps. There every token
///   of a target is asked for at the prompt's last position; here each at its own.
struct WeightTraining {
  let network: Network
  let layer: Int
  let settings: GradientSettings
  /// Threads of the products.
  let threads: Int

  private static let (decay1, decay2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)

  /// Texts trained on together, and what never changes of them.
  struct Batch {
    let texts: [TargetText]
    /// `[tokens × inputWidth]`
    let keys: Matrix<Float>
    /// The stream after the block, with W₀; without what the weight's output adds, where that is not added as it is.
    /// `[tokens × outputWidth]`
    let hidden: Matrix<Float>
    /// The output of W₀, where it is not added as it is. `[tokens × outputWidth]`
    let values: Matrix<Float>?
  }

  /// What training came to.
  struct Result {
    /// W − W₀. `[outputWidth × inputWidth]`
    var change: Matrix<Float>
    /// −log p before each pass, by text.
    var losses: [[Float]]
    let batches: [Batch]
  }

  func batches(_ texts: [TargetText]) throws -> [Batch] {
    try stride(from: 0, to: texts.count, by: GradientSettings.batchCount).map { first in
      let part = Array(texts[first..<min(first + GradientSettings.batchCount, texts.count)])
      var keys = Matrix<Float>(rows: 0, columns: 0)
      var values: Matrix<Float>?
      let isPlain = network.configuration.addsOutputsAsTheyAre
      let run = try network.run(part.map { TokenSequence($0.tokens) }, .init(0..<layer + 1)) {
        block, activation, rows in
        guard block == layer else { return }
        if activation == .key { keys = rows.matrix() }
        if activation == .value, !isPlain { values = rows.matrix() }
      }
      var hidden = run.hidden.matrix()
      if let values { hidden.subtract(network.addition(of: values, .feedForward, layer: layer)) }
      return Batch(texts: part, keys: keys, hidden: hidden, values: values)
    }
  }

  /// Losses of a batch with a changed weight, and the gradient of their mean by the weight.
  func evaluate(
    _ batch: Batch, change: Matrix<Float>
  ) throws -> (losses: [Float], gradient: Matrix<Float>) {
    // One thread, whoever else multiplies in this process: steps of Adam make a last bit large.
    try BLASThreads.with(1) { () throws -> (losses: [Float], gradient: Matrix<Float>) in
      var hidden = batch.hidden
      var values = batch.values
      if values != nil {
        values!.addProduct(batch.keys, change, secondTransposed: true)
        let added = network.addition(of: values!, .feedForward, layer: layer)
        for row in 0..<hidden.rows {
          for column in 0..<hidden.columns { hidden[row, column] += added[row, column] }
        }
      } else {
        hidden.addProduct(batch.keys, change, secondTransposed: true)
      }
      let (losses, gradient) = try network.targetLosses(
        batch.texts, from: hidden, above: layer, weight: 1 / Float(batch.texts.count))
      let own = values.map {
        network.gradient(of: $0, .feedForward, layer: layer, after: gradient.matrix())
      }
      return (losses, (own ?? gradient.matrix()).times(batch.keys, transposed: true))
    }
  }

  /// Trains.
  ///
  /// - Parameter start: W₀. `[outputWidth × inputWidth]`
  func train(
    _ texts: [TargetText], from start: Matrix<Float>, progress: (_ step: Int) -> Void = { _ in }
  ) throws -> Result {
    let batches = try BLASThreads.with(1) { try self.batches(texts) }
    var result = Result(
      change: Matrix(rows: start.rows, columns: start.columns), losses: texts.map { _ in [] },
      batches: batches)
    var weight = start
    var first = result.change
    var second = result.change
    var updates = 0
    for step in 0..<settings.steps {
      progress(step)
      var total = 0.0
      var next = 0
      for batch in batches {
        let (losses, gradient) = try evaluate(batch, change: result.change)
        // Before anything is changed, a loss that is no number is the network's own.
        if step == 0, !losses.allSatisfy(\.isFinite) { throw try network.notNumbers() }
        for (place, loss) in losses.enumerated() { result.losses[next + place].append(loss) }
        next += losses.count
        let sum = losses.reduce(0) { $0 + Double($1) }
        total += sum
        guard sum / Double(losses.count) >= GradientSettings.learned else { continue }
        updates += 1
        let correction1 = 1 - powf(Self.decay1, Float(updates))
        let correction2 = (1 - powf(Self.decay2, Float(updates))).squareRoot()
        let step = Float(settings.learningRate) / correction1
        let bound = Float(settings.bound)
        start.withUnsafeBufferPointer { start in
          gradient.withUnsafeBufferPointer { gradient in
            first.withUnsafeMutableBufferPointer { first in
              second.withUnsafeMutableBufferPointer { second in
                weight.withUnsafeMutableBufferPointer { weight in
                  result.change.withUnsafeMutableBufferPointer { change in
                    for i in 0..<start.count {
                      let g = gradient[i]
                      first[i] += (1 - Self.decay1) * (g - first[i])
                      second[i] = Self.decay2 * second[i] + (1 - Self.decay2) * g * g
                      let moved =
                        weight[i] - step * first[i] / (second[i].squareRoot() / correction2 + Self.epsilon)
                      weight[i] = min(max(moved, start[i] - bound), start[i] + bound)
                      change[i] = weight[i] - start[i]
                    }
                  }
                }
              }
            }
          }
        }
      }
      if !(total / Double(texts.count) >= GradientSettings.learned) { break }
    }
    return result
  }
}
