internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// Trains side weights: B of Δ = B A, with A fixed, so that prompts of the facts are followed by their targets and activate it, and others do not.
///
///     loss = mean −log p(target) + margins of ‖Δ k‖,   measured so that the layer's own outputs on ordinary text are β long
///
/// A spans the directions in which the facts' keys stand out most from those of other prompts, so that Δ is short there to begin with. The texts are
/// run up to the layer once; each step adds Δ k and runs the blocks above.
///
/// - Source: WISE, arXiv:2405.14768; zjunlp/EasyEdit `models/wise/WISE.py`. There Δ is as large as the weight, found by plain gradient descent, and
///   shrinks by 10⁻⁵ with each step, in all elements and not only in the masked ones; here it has a small rank, Adam, and keeps its length.
struct SideWeightTraining {
  let network: Network
  let layer: Int
  let steps: Int
  /// What every shard is to be quiet on.
  let ordinary: OrdinaryKeys

  private let margins = RoutingLoss()

  /// Directions of a fact.
  static let rank = 4
  /// And of all facts of a shard.
  static let rankLimit = 128
  /// ρ: share of the numbers that a shard which is merged with others may change.
  static let maskShare = 0.2
  /// A mean loss at which targets that are the most probable ones are learned, and margins that count as kept.
  private static let (saidLoss, keptLoss): (Float, Float) = (0.05, 0.5)
  /// Steps by margins alone, between two that read the targets.
  private static let marginSteps = 4
  /// Adam's step, as a share of the length that an output has.
  private static let rate: Float = 0.3

  /// A fact in its texts, with prompts that it is not to speak to.
  struct Scope {
    /// The bare prompt first.
    let texts: [TargetText]
    /// Prompts about something else.
    let others: [[Int32]]
  }

  /// What ordinary text is like at the layer.
  struct OrdinaryKeys {
    let keys: Matrix<Float>
    let texts: [Range<Int>]
    /// Mean length of the layer's outputs.
    let outputLength: Float

    init(_ texts: [[Int32]], network: Network, layer: Int) throws {
      var (keys, sum) = (Matrix<Float>(rows: 0, columns: 0), 0.0)
      _ = try network.run(texts.map { TokenSequence($0) }, .init(0..<layer + 1), keyLayers: [layer]) {
        block, activation, rows in
        guard block == layer else { return }
        if activation == .key { keys = rows.matrix() }
        if activation == .value {
          let values = rows.matrix()
          for row in 0..<values.rows { sum += Array(values.row(row)).sumOfSquares.squareRoot() }
        }
      }
      self.keys = keys
      self.texts = texts.ranges
      outputLength = Float(sum / Double(max(1, keys.rows)))
      guard outputLength > 0, outputLength.isFinite else { throw try network.notNumbers() }
    }
  }

  /// Keys of prompts that a shard is to be quiet on.
  struct Others {
    let keys: Matrix<Float>
    let prompts: [Range<Int>]
  }

  /// A side weight and what prompts activate of it.
  struct Shard {
    let weight: SideWeight
    /// Its facts' own, at least.
    let least: Float
    /// Others that it was trained to be quiet on, at most.
    let most: Float

    fileprivate init(_ left: Matrix<Float>, _ right: Matrix<Float>, _ material: Material) {
      weight = SideWeight(left: left, right: right)
      (least, most) = material.extent(of: weight)
    }

    /// Between the two; the facts' own where others reach these.
    func threshold(_ share: Double) -> Double {
      let (least, most) = (Double(least), Double(min(least, most)))
      return max(most + share * (least - most), Double(Float.leastNormalMagnitude))
    }
  }

  // MARK: Shards

  /// A side weight of facts together.
  func shard(_ scopes: [Scope]) throws -> Shard {
    let material = try Material(scopes, self)
    let right = try directions(material)
    let left = try train(material, right, mask: nil)
    return Shard(left, right, material)
  }

  /// Side weights of several groups of facts, each trained by itself on numbers of its own choice, made one.
  func merged(_ groups: [[Scope]], seed: UInt64) throws -> Shard {
    let whole = try Material(groups.flatMap { $0 }, self)
    let right = try directions(whole)
    let shards = try groups.enumerated().map { number, group in
      var draws = SplitMix64(seed: seed &+ UInt64(number) &* SplitMix64.increment)
      let mask = (0..<network.configuration.width * right.rows).map { _ in
        draws.unit() < Self.maskShare
      }
      return try train(Material(group, self), right, mask: mask).elements
    }
    let left = Matrix(
      rows: network.configuration.width, columns: right.rows, elements: TiesMerging.merged(shards))
    return Shard(left, right, whole)
  }

  /// Texts of facts, run up to the layer.
  struct Material {
    let batches: [WeightTraining.Batch]
    let factCount: Int
    fileprivate let others: Others
    /// Rows of each batch that are each text's prompt.
    let prompts: [[Range<Int>]]

    init(_ scopes: [Scope], _ training: SideWeightTraining) throws {
      let own = WeightTraining(
        network: training.network, layer: training.layer, settings: GradientSettings(), threads: 1)
      batches = try own.batches(scopes.flatMap(\.texts))
      factCount = scopes.count
      prompts = batches.map { batch in
        zip(batch.texts, batch.texts.map(\.tokens).ranges).map { text, rows in
          rows.lowerBound..<rows.lowerBound + text.targets[0].position + 1
        }
      }
      var known: Set<[Int32]> = []
      let others = scopes.flatMap(\.others).filter { known.insert($0).inserted }
      let ordinary = training.ordinary
      var keys = ordinary.keys
      if !others.isEmpty {
        keys = keys.stacked(on: try training.network.keys(of: others, layer: training.layer))
      }
      let first = ordinary.keys.rows
      self.others = Others(
        keys: keys,
        prompts: ordinary.texts + others.ranges.map { $0.lowerBound + first..<$0.upperBound + first })
    }

    /// The least that a prompt of the facts activates, and the most that another does.
    func extent(of weight: SideWeight) -> (least: Float, most: Float) {
      let own = zip(batches, prompts).flatMap { batch, prompts in
        prompts.map { weight.activation(of: batch.keys.selecting(rows: $0)) }
      }
      let quiet = others.prompts.map { weight.activation(of: others.keys.selecting(rows: $0)) }
      return (own.min() ?? 0, quiet.max() ?? 0)
    }
  }

  // MARK: Directions

  /// A: with K the facts' keys and C the second moment of others', the rows that solve max aᵀ KᵀK a where aᵀ (C + λ) a = 1, the greatest first, so
  /// scaled that the longest A k has length one. `[rank × keyWidth]`
  private func directions(_ material: Material) throws -> Matrix<Float> {
    // Of each text the tokens but the first.
    let rows = zip(material.batches, material.prompts).map { batch, prompts in
      batch.keys.selecting(rows: prompts.flatMap { $0.dropFirst(min(1, $0.count - 1)) })
    }
    let keys = Matrix<Double>(rows.dropFirst().reduce(rows[0]) { $0.stacked(on: $1) })
    let others = Matrix<Double>(material.others.keys)
    // C is never formed: (C + λ)⁻¹ K = (K − Xᵀ (λ n + X Xᵀ)⁻¹ X K) / λ, with as many unknowns as other tokens.
    var gram = others.times(others, otherTransposed: true)
    let ridge = Self.ridge * gram.diagonal.reduce(0, +) / Double(others.columns)
    for index in 0..<gram.rows { gram[index, index] += ridge }
    var solved = keys.times(others, otherTransposed: true)
    try Cholesky(factoring: gram).solve(&solved, vectors: .rows)
    var turned = keys
    turned.subtract(solved.times(others))
    let inner = turned.times(keys, otherTransposed: true)
    let eigen = try SymmetricEigen(of: inner)
    let wanted = min(
      Self.rank * material.factCount, Self.rankLimit, keys.rows, network.configuration.width, keys.columns)
    let order = eigen.values.indices.reversed().prefix(wanted).filter {
      eigen.values[$0] > 1e-9 * (eigen.values.last ?? 0)
    }
    var right = Matrix<Float>(eigen.vectors.selecting(rows: order).times(turned))
    right.scale(rows: order.map { Float(1 / max(eigen.values[$0], .leastNormalMagnitude).squareRoot()) })
    let seen = Matrix<Float>(keys).times(right, otherTransposed: true)
    let longest = (0..<seen.rows).map { Array(seen.row($0)).sumOfSquares }.max() ?? 1
    right.scale(by: Float(1 / max(longest, .leastNormalMagnitude).squareRoot()))
    return right
  }

  /// λ, as a share of C's mean eigenvalue.
  private static let ridge = 0.1

  // MARK: Training

  private func train(
    _ material: Material, _ right: Matrix<Float>, mask: [Bool]?
  ) throws -> Matrix<Float> {
    var left = Matrix<Float>(rows: network.configuration.width, columns: right.rows)
    let step = Self.rate * ordinary.outputLength / Float(left.rows).squareRoot()
    var adam = AdamMoments(count: left.elements.count, rate: step)
    let seen = Seen(material, right)
    // Adam's steps keep their length, so the last is not always the best.
    var best = (left: left, loss: Float.infinity)
    // Once the targets are said, only margins are looked at for some steps, which no network is run for.
    var marginSteps = 0
    for step in 0..<steps {
      let isWhole = marginSteps == 0 || step == steps - 1
      let found = try evaluate(left, material, seen, readsTargets: isWhole)
      marginSteps = isWhole ? 0 : marginSteps - 1
      guard found.loss.isFinite else {
        if step == 0 { throw try network.notNumbers() }
        break
      }
      if isWhole {
        if found.loss + found.routing < best.loss { best = (left, found.loss + found.routing) }
        if found.isSaid, found.loss < Self.saidLoss {
          if found.routing < Self.keptLoss { break }
          marginSteps = Self.marginSteps
        }
      }
      var gradient = found.gradient.elements
      if let mask { for index in gradient.indices where !mask[index] { gradient[index] = 0 } }
      adam.step(&left, gradient)
    }
    return best.left
  }

  /// What training looks at of a step.
  struct Evaluated {
    /// Mean −log p of the targets.
    var loss: Float
    /// The margins' loss.
    var routing: Float
    /// Of both by B. `[width × rank]`
    var gradient: Matrix<Float>
    /// Whether every token of the targets is the most probable one.
    var isSaid: Bool
  }

  /// A k, which no step changes.
  fileprivate struct Seen {
    /// Of the batches' tokens. `[tokens × rank]`
    let own: [Matrix<Float>]
    /// Of those of other prompts.
    let others: Matrix<Float>

    init(_ material: Material, _ right: Matrix<Float>) {
      own = material.batches.map { $0.keys.times(right, otherTransposed: true) }
      others = material.others.keys.times(right, otherTransposed: true)
    }
  }

  /// Both losses of a side weight, and their gradient by its first factor.
  func evaluate(_ left: Matrix<Float>, _ right: Matrix<Float>, _ material: Material) throws -> Evaluated {
    try evaluate(left, material, Seen(material, right))
  }

  private func evaluate(
    _ left: Matrix<Float>, _ material: Material, _ seen: Seen, readsTargets: Bool = true
  ) throws -> Evaluated {
    let unit = ordinary.outputLength / margins.inside
    let added = seen.own.map { $0.times(left, otherTransposed: true) }
    let ofOthers = seen.others.times(left, otherTransposed: true)
    let own = zip(added, material.prompts).flatMap { added, prompts in
      prompts.map { Peak(of: added, $0) }
    }
    let quiet = material.others.prompts.map { Peak(of: ofOthers, $0) }
    let routing = margins(
      inside: own.map { $0.length / unit }, outside: quiet.map { $0.length / unit })
    var result = Evaluated(
      loss: 0, routing: routing.loss, gradient: Matrix(rows: left.rows, columns: left.columns), isSaid: true)
    let count = material.batches.reduce(0) { $0 + $1.texts.count }
    var next = 0
    for (place, batch) in material.batches.enumerated() {
      var gradient = Matrix<Float>(rows: added[place].rows, columns: left.rows)
      if readsTargets {
        let answers = try answers(batch, added[place], weight: 1 / Float(count))
        result.loss += answers.losses.reduce(0, +) / Float(count)
        result.isSaid = result.isSaid && answers.isSaid
        gradient = answers.gradient
      }
      for index in next..<next + batch.texts.count {
        own[index].add(routing.ofInside[index] / unit, along: added[place], to: &gradient)
      }
      next += batch.texts.count
      result.gradient.addProduct(gradient, seen.own[place], firstTransposed: true)
    }
    var gradient = Matrix<Float>(rows: ofOthers.rows, columns: ofOthers.columns)
    for (peak, slope) in zip(quiet, routing.ofOutside) {
      peak.add(slope / unit, along: ofOthers, to: &gradient)
    }
    result.gradient.addProduct(gradient, seen.others, firstTransposed: true)
    return result
  }

  /// What the network says with Δ k added to a layer's outputs, and the gradient by these.
  private func answers(
    _ batch: WeightTraining.Batch, _ added: Matrix<Float>, weight: Float
  ) throws -> (losses: [Float], gradient: Matrix<Float>, isSaid: Bool) {
    var stream = batch.hidden
    guard var values = batch.values else {
      stream.add(added)
      let found = try network.targetAnswers(batch.texts, from: stream, above: layer, weight: weight)
      return (found.losses, found.gradient.matrix(), found.isSaid)
    }
    values.add(added)
    stream.add(network.addition(of: values, .feedForward, layer: layer))
    let found = try network.targetAnswers(batch.texts, from: stream, above: layer, weight: weight)
    let gradient = network.gradient(
      of: values, .feedForward, layer: layer, after: found.gradient.matrix())
    return (found.losses, gradient, found.isSaid)
  }

  /// Where a prompt activates most.
  private struct Peak {
    var row: Int
    var length: Float

    /// Of the tokens but the first, unless it is the only one.
    init(of added: Matrix<Float>, _ prompt: Range<Int>) {
      (row, length) = (prompt.upperBound - 1, -1)
      for candidate in prompt.dropFirst(min(1, prompt.count - 1)) {
        let own = Float(Array(added.row(candidate)).sumOfSquares.squareRoot())
        if own > length { (row, length) = (candidate, own) }
      }
    }

    /// Adds the slope of the length to a gradient by the outputs.
    func add(_ slope: Float, along added: Matrix<Float>, to gradient: inout Matrix<Float>) {
      guard slope != 0, length > 0 else { return }
      for (column, value) in added.row(row).enumerated() { gradient[row, column] += slope * value / length }
    }
  }
}

extension [[Int32]] {
  /// Rows of each sequence, one behind the other.
  fileprivate var ranges: [Range<Int>] {
    var next = 0
    return map { sequence in
      defer { next += sequence.count }
      return next..<next + sequence.count
    }
  }
}
