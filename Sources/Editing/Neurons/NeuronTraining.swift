internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Trains added neurons to say the targets, and to be quiet on other texts.
///
///     loss = mean −log p(target) + mean exp(c − a_q) + α_m [top-mean exp(a_m − a_q + γ₁) + top-mean exp(a_m − γ₂)]
///
/// a is a neuron's projection before its activation, a_q at the tokens that it is to fire at, a_m at those of ordinary text. The texts are run
/// up to the layer once; each step adds what the neurons give and runs the blocks above.
///
/// - Source: T-Patcher, arXiv:2301.09785; ZeroYuHuang/Transformer-Patcher, `src/models/patch.py` and `class_modules.py`: γ₁ = 3, γ₂ = −3 for
///   ReLU and GELU.
struct NeuronTraining {
  let network: Network
  let layer: Int
  let settings: GradientSettings
  /// α_m.
  let memoryWeight: Double
  let texts: [TargetText]
  /// What the feed-forward reads at all tokens of the texts. `[tokens × width]`
  let inputs: Matrix<Float>
  /// The stream after the block, without the neurons that are replaced; without what the weight's output adds, where that is not added as
  /// it is. `[tokens × width]`
  let hidden: Matrix<Float>
  /// The output of the down-projection, where it is not added as it is. `[tokens × width]`
  let values: Matrix<Float>?
  /// Rows of `inputs` that each neuron is to fire at; empty where none is asked to.
  let queries: [[Int]]
  /// What the feed-forward reads in ordinary text. `[tokens × width]`
  let memory: Matrix<Float>

  /// Rows of memory that count in a step.
  private static let topCount = 1000

  /// Where a neuron is to be.
  struct Limits {
    /// γ₁: how far below what it is to fire at ordinary text is.
    var apart: Float = 3
    /// γ₂: what ordinary text stays below.
    var quiet: Float = -3
    /// What is to be fired at is driven above this.
    var loud: Float = 0

    /// SiLU leaks 0.14 at −3, and what it is to pass on must be well above zero.
    static let silu = Limits(quiet: -5, loud: 4)
  }

  /// What training came to.
  struct Result {
    var neurons: AddedNeurons
    /// −log p before each step, by text.
    var losses: [[Float]]
  }

  private var limits: Limits { network.configuration.activation == .silu ? .silu : Limits() }

  /// Trains.
  ///
  /// - Parameter hasBias: whether a neuron's bias can be other than zero.
  func train(
    from start: AddedNeurons, hasBias: Bool, progress: (_ step: Int) -> Void = { _ in }
  ) throws -> Result {
    var result = Result(neurons: start, losses: texts.map { _ in [] })
    // Steps are shares of what the numbers are like; columns begin at zero and are measured by the stream.
    let stream = max(
      Float((hidden.elements.sumOfSquares / Double(max(1, hidden.elements.count))).squareRoot()), 1e-6)
    let active = max(
      result.neurons.run(inputs, in: network).activations.elements.map(\.magnitude).max() ?? 1, 1)
    let rate = Float(settings.learningRate)
    var first = AdamMoments(count: start.first.elements.count, rate: rate * start.first.meanSize)
    var bias = AdamMoments(count: start.bias.count, rate: rate)
    var up = AdamMoments(count: start.up?.elements.count ?? 0, rate: rate * (start.up?.meanSize ?? 1))
    var columns = AdamMoments(count: start.columns.elements.count, rate: 2 * rate * stream / active)
    for step in 0..<settings.steps {
      progress(step)
      let (losses, gradient, isSaid) = try evaluate(result.neurons)
      guard losses.allSatisfy(\.isFinite) else {
        if step == 0 { throw try network.notNumbers() }
        break
      }
      for (text, loss) in losses.enumerated() { result.losses[text].append(loss) }
      if isSaid, losses.reduce(0, +) / Float(losses.count) < Self.saidLoss { break }
      first.step(&result.neurons.first, gradient.first.elements)
      if hasBias { bias.step(&result.neurons.bias, gradient.bias) }
      if let ofUp = gradient.up { up.step(&result.neurons.up!, ofUp.elements) }
      columns.step(&result.neurons.columns, gradient.columns.elements)
    }
    return result
  }

  /// A mean loss at which targets that are the most probable ones are learned.
  private static let saidLoss: Float = 0.05

  /// Losses of the texts, the gradient of the whole loss, and whether every token of the targets is the most probable one.
  func evaluate(
    _ neurons: AddedNeurons
  ) throws -> (losses: [Float], gradient: AddedNeurons.Gradient, isSaid: Bool) {
    var gradient = neurons.zeroGradient
    var losses: [Float] = []
    var isSaid = true
    var row = 0
    for part in stride(from: 0, to: texts.count, by: GradientSettings.batchCount) {
      let own = Array(texts[part..<min(part + GradientSettings.batchCount, texts.count)])
      let rows = row..<own.reduce(row) { $0 + $1.tokens.count }
      row = rows.upperBound
      let x = inputs.selecting(rows: rows)
      let run = neurons.run(x, in: network)
      let added = run.activations.times(neurons.columns)
      var stream = hidden.selecting(rows: rows)
      var outputs: Matrix<Float>?
      if let values {
        var given = values.selecting(rows: rows)
        given.add(added)
        stream.add(network.addition(of: given, .feedForward, layer: layer))
        outputs = given
      } else {
        stream.add(added)
      }
      let (found, back, said) = try network.targetAnswers(
        own, from: stream, above: layer, weight: 1 / Float(texts.count))
      losses += found
      isSaid = isSaid && said
      let ofOutputs =
        outputs.map { network.gradient(of: $0, .feedForward, layer: layer, after: back.matrix()) }
        ?? back.matrix()
      neurons.backward(ofOutputs, run, at: x, in: network, into: &gradient)
    }
    if memoryWeight > 0 { addMemory(neurons, to: &gradient) }
    return (losses, gradient, isSaid)
  }

  /// Adds the gradient of the losses of firing and of being quiet.
  private func addMemory(_ neurons: AddedNeurons, to gradient: inout AddedNeurons.Gradient) {
    let known = neurons.projected(memory)
    var ofKnown = Matrix<Float>(rows: known.rows, columns: known.columns)
    let asked = neurons.projected(inputs)
    var ofAsked = Matrix<Float>(rows: asked.rows, columns: asked.columns)
    let weight = Float(memoryWeight) / Float(neurons.count)
    for neuron in 0..<neurons.count where !queries[neuron].isEmpty {
      let own = queries[neuron]
      let loss = Self.losses(
        asked: own.map { asked[$0, neuron] }, known: (0..<known.rows).map { known[$0, neuron] }, limits)
      for (place, row) in own.enumerated() {
        ofAsked[row, neuron] += loss.firing.slopes[place] / Float(neurons.count)
        ofAsked[row, neuron] += weight * loss.memory.askedSlopes[place]
      }
      for (row, slope) in loss.memory.knownSlopes { ofKnown[row, neuron] += weight * slope }
    }
    gradient.add(first: ofAsked, at: inputs)
    gradient.add(first: ofKnown, at: memory)
  }

  /// The losses of one neuron, with their slopes.
  struct NeuronLosses {
    /// l_a, the mean of exp(−a_q).
    var firing: (value: Float, slopes: [Float])
    /// l_m: both terms, and the slopes by a_q and, row by row, by a_m.
    var memory: (values: (Float, Float), askedSlopes: [Float], knownSlopes: [(row: Int, slope: Float)])
  }

  /// - Parameters:
  ///   - asked: a_q, of one neuron.
  ///   - known: a_m.
  ///   - quiet: γ₂.
  static func losses(asked: [Float], known: [Float], _ limits: Limits = Limits()) -> NeuronLosses {
    // A step off the rails must not make numbers that are none.
    func exponential(_ x: Float) -> Float { expf(min(x, 20)) }
    let count = Float(asked.count)
    let fired = asked.map { exponential(limits.loud - $0) }
    let mean = asked.reduce(0, +) / count
    let share = 1 / Float(max(min(known.count, topCount), 1))
    // What is far below both limits adds nothing that counts.
    let least = min(mean - limits.apart, limits.quiet) - 16
    var order = known.indices.filter { known[$0] > least }
    if order.count > topCount {
      order = Array(order.sorted { (known[$0], $1) > (known[$1], $0) }.prefix(topCount))
    }
    var (near, far): (Float, Float) = (0, 0)
    let slopes = order.map { row -> (row: Int, slope: Float) in
      let first = exponential(known[row] - mean + limits.apart) * share
      let second = exponential(known[row] - limits.quiet) * share
      near += first
      far += second
      return (row, first + second)
    }
    return NeuronLosses(
      firing: (fired.reduce(0, +) / count, fired.map { -$0 / count }),
      memory: ((near, far), asked.map { _ in -near / count }, slopes))
  }
}

extension Matrix<Float> {
  /// √(mean x²); one where all are zero.
  fileprivate var meanSize: Float {
    let mean = elements.sumOfSquares / Double(Swift.max(1, elements.count))
    return mean > 0 ? Float(mean.squareRoot()) : 1
  }
}
