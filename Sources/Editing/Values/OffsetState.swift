internal import LinearAlgebra

/// One group's offset on its way: Adam's moments, the clamp, and the rule to stop.
struct OffsetState {
  private(set) var offset: [Float]
  private let start: [Float]
  private let startNorm: Float
  private let settings: ValueSettings
  private var first: [Float]
  private var second: [Float]
  private var updates = 0
  private var best: (loss: Float, offset: [Float], evaluation: ValueLoss)?
  private var losses: [Float] = []
  private var isStopped = false

  private static let (decay1, decay2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)

  init(start: [Float], settings: ValueSettings) {
    self.start = start
    self.settings = settings
    startNorm = Float(start.sumOfSquares.squareRoot())
    offset = [Float](repeating: 0, count: start.count)
    first = offset
    second = offset
  }

  private var limit: Float { Float(settings.clamp) * startNorm }

  /// Takes the evaluation of the present offset and moves on.
  ///
  /// - Returns: whether this was the last.
  mutating func take(_ evaluation: ValueLoss, isLast: Bool) -> Bool {
    let norm = Float(offset.sumOfSquares.squareRoot())
    let decay = Float(settings.weightDecay) / (startNorm * startNorm)
    let loss = evaluation.loss + decay * norm
    losses.append(loss)
    // A loss that is no number ends the search; what was best before stays.
    guard loss.isFinite else { return true }
    if settings.keepsLast || best.map({ loss < $0.loss }) ?? true { best = (loss, offset, evaluation) }
    switch settings.stop {
    case .loss: isStopped = loss < ValueSettings.learned
    case .mostProbable: isStopped = loss < ValueSettings.learned || evaluation.isMostProbable
    case .never: isStopped = false
    }
    if isStopped || isLast { return true }

    updates += 1
    let correction1 = 1 - power(Self.decay1, updates)
    let correction2 = 1 - power(Self.decay2, updates)
    for i in offset.indices {
      // The gradient of the norm at zero is taken as zero.
      let gradient = evaluation.gradient[i] + (norm > 0 ? decay * offset[i] / norm : 0)
      first[i] = Self.decay1 * first[i] + (1 - Self.decay1) * gradient
      second[i] = Self.decay2 * second[i] + (1 - Self.decay2) * gradient * gradient
      let scale = (second[i] / correction2).squareRoot() + Self.epsilon
      offset[i] -= Float(settings.learningRate) * (first[i] / correction1) / scale
    }
    let moved = Float(offset.sumOfSquares.squareRoot())
    if moved > limit { for i in offset.indices { offset[i] *= limit / moved } }
    return false
  }

  private func power(_ base: Float, _ count: Int) -> Float {
    (0..<count).reduce(1) { product, _ in product * base }
  }

  /// The best offset found, as a value.
  var result: FactValue {
    let chosen = best?.offset ?? [Float](repeating: 0, count: start.count)
    var value = FactValue(value: zip(start, chosen).map { $0 + $1 }, start: start)
    value.losses = losses
    value.probability = best?.evaluation.probability ?? .nan
    value.isClamped = Float(chosen.sumOfSquares.squareRoot()) >= 0.999 * limit
    value.isReached = isStopped || value.probability >= 0.5
    return value
  }
}

/// What one evaluation says of a group.
struct ValueLoss {
  /// Without weight decay.
  let loss: Float
  /// Its gradient by the offset.
  let gradient: [Float]
  /// Mean over contexts of the geometric-mean probability of the target's tokens.
  let probability: Double
  /// Whether every token of every target is the most probable one.
  let isMostProbable: Bool
}
