internal import LinearAlgebra

/// One group's offsets on their way: Adam's moments, the clamps, and the rule to stop.
///
/// The first offset makes the value. PMET has a second, on attention's output, which only shares the work.
struct OffsetState {
  var streams: [Stream]
  private let settings: ValueSettings
  private var updates = 0
  private var best: (loss: Float, offset: [Float], evaluation: ValueLoss)?
  private var losses: [Float] = []
  private var isStopped = false
  /// PMET: what the loss of the targets counts for in the present step.
  private(set) var targetFactor: Float = 1

  private static let (decay1, decay2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)

  /// An offset on one stream.
  struct Stream {
    var offset: [Float]
    fileprivate let start: [Float]
    fileprivate let startNorm: Float
    fileprivate var first: [Float]
    fileprivate var second: [Float]

    fileprivate init(start: [Float]) {
      self.start = start
      startNorm = Float(start.sumOfSquares.squareRoot())
      offset = [Float](repeating: 0, count: start.count)
      first = offset
      second = offset
    }

    fileprivate var norm: Float { Float(offset.sumOfSquares.squareRoot()) }
  }

  init(start: [Float], attention: [Float]? = nil, settings: ValueSettings) {
    streams = [Stream(start: start)] + (attention.map { [Stream(start: $0)] } ?? [])
    self.settings = settings
  }

  var offset: [Float] { streams[0].offset }
  private func limit(_ stream: Stream) -> Float { Float(settings.clamp) * stream.startNorm }
  private func decay(_ stream: Stream) -> Float {
    Float(settings.weightDecay) / (stream.startNorm * stream.startNorm)
  }

  /// Takes the evaluation of the present offsets and moves on.
  ///
  /// - Returns: whether this was the last.
  mutating func take(_ evaluation: ValueLoss, isLast: Bool) -> Bool {
    let decays = streams.reduce(0) { $0 + decay($1) * $1.norm }
    let loss = evaluation.loss + decays
    losses.append(loss)
    // A loss that is no number ends the search; what was best before stays.
    guard loss.isFinite else { return true }
    // Losses are compared as if the targets counted alike in all of them.
    let compared = evaluation.fullLoss + decays
    if settings.keepsLast || best.map({ compared < $0.loss }) ?? true {
      best = (compared, offset, evaluation)
    }
    switch settings.stop {
    case .loss: isStopped = loss < ValueSettings.learned || takesAttentionRule(evaluation)
    case .mostProbable: isStopped = loss < ValueSettings.learned || evaluation.isMostProbable
    case .never: isStopped = false
    }
    if isStopped || isLast { return true }

    updates += 1
    let correction1 = 1 - power(Self.decay1, updates)
    let correction2 = 1 - power(Self.decay2, updates)
    for stream in streams.indices {
      let gradients = stream == 0 ? evaluation.gradient : evaluation.attentionGradient
      move(&streams[stream], gradients, correction1, correction2)
    }
    return false
  }

  private func move(
    _ stream: inout Stream, _ gradients: [Float], _ correction1: Float, _ correction2: Float
  ) {
    let (norm, decay) = (stream.norm, decay(stream))
    for i in stream.offset.indices {
      // The gradient of the norm at zero is taken as zero.
      let gradient = gradients[i] + (norm > 0 ? decay * stream.offset[i] / norm : 0)
      stream.first[i] = Self.decay1 * stream.first[i] + (1 - Self.decay1) * gradient
      stream.second[i] = Self.decay2 * stream.second[i] + (1 - Self.decay2) * gradient * gradient
      let scale = (stream.second[i] / correction2).squareRoot() + Self.epsilon
      stream.offset[i] -= Float(settings.learningRate) * (stream.first[i] / correction1) / scale
    }
    let (moved, limit) = (stream.norm, limit(stream))
    if moved > limit { for i in stream.offset.indices { stream.offset[i] *= limit / moved } }
  }

  /// PMET's rule: once the targets are the most probable tokens in all contexts they count a tenth in the next step, and when
  /// what the model says of the subject has hardly moved, nothing is left to do.
  ///
  /// - Source: zjunlp/EasyEdit, `models/pmet/compute_zs.py`, which asks the weighted divergence.
  private mutating func takesAttentionRule(_ evaluation: ValueLoss) -> Bool {
    guard settings.target == .valueWithAttention else { return false }
    targetFactor = evaluation.isMostProbable ? 0.1 : 1
    return evaluation.isMostProbable && evaluation.divergence <= 0.01
  }

  private func power(_ base: Float, _ count: Int) -> Float {
    (0..<count).reduce(1) { product, _ in product * base }
  }

  /// The best offset found, as a value.
  var result: FactValue {
    let start = streams[0].start
    let chosen = best?.offset ?? [Float](repeating: 0, count: start.count)
    var value = FactValue(value: zip(start, chosen).map { $0 + $1 }, start: start)
    value.losses = losses
    value.probability = best?.evaluation.probability ?? .nan
    value.isClamped = Float(chosen.sumOfSquares.squareRoot()) >= 0.999 * limit(streams[0])
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
  /// PMET: the gradient by the offset on attention's output.
  var attentionGradient: [Float] = []
  /// The weighted divergence within the loss.
  var divergence: Float = 0
  /// The loss with the targets counted in full.
  var fullLoss: Float

  init(
    loss: Float, gradient: [Float], probability: Double, isMostProbable: Bool, fullLoss: Float? = nil
  ) {
    self.loss = loss
    self.gradient = gradient
    self.probability = probability
    self.isMostProbable = isMostProbable
    self.fullLoss = fullLoss ?? loss
  }
}
