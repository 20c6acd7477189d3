internal import LinearAlgebra

/// What `train` trains.
protocol TrainedNetwork: Sendable {
  /// The trained numbers, as the kind's `parameters` calls them.
  var parameters: [Matrix<Float>] { get set }
  /// Numbers that are not trained, as the kind's `constants` calls them.
  var constants: [Matrix<Float>] { get }
}

/// A network that makes an update of what is known of a fact; log ρ of each layer, `[1 × layers]`, is the last of its parameters.
protocol UpdateNetwork: TrainedNetwork {
  /// The update of each layer.
  func run(_ input: UpdateInput) -> UpdateRun
}

extension TrainedNetwork {
  /// A gradient of nothing.
  var zeroGradient: [Matrix<Float>] { parameters.map { Matrix(rows: $0.rows, columns: $0.columns) } }
}

/// What is known of a fact.
struct UpdateInput: Sendable {
  /// By edited layer, of prompt and target: keys. `[tokens × keyWidth]`
  var keys: [Matrix<Float>]
  /// By edited layer: gradients of −log p(target) by the down-projection's output. `[tokens × outputWidth]`
  var gradients: [Matrix<Float>]
  /// The fact in words, as it enters the first block; without rows where the network reads none. `[tokens × outputWidth]`
  var words = Matrix<Float>(rows: 0, columns: 0)
}

/// An update, or a gradient by it: Δ = leftᵀ right.
struct UpdateFactors: Sendable {
  /// `[rank × outputWidth]`
  var left: Matrix<Float>
  /// `[rank × keyWidth]`
  var right: Matrix<Float>

  /// The gradients by both factors, where Σ g kᵀ is that by Δ, which is never formed.
  ///
  /// - Parameters:
  ///   - keys: k. `[rows × keyWidth]`
  ///   - gradients: g. `[rows × outputWidth]`
  func gradient(keys: Matrix<Float>, gradients: Matrix<Float>) -> UpdateFactors {
    let alongKeys = keys.times(right, otherTransposed: true)
    let alongOutputs = gradients.times(left, otherTransposed: true)
    return UpdateFactors(
      left: alongKeys.times(gradients, transposed: true), right: alongOutputs.times(keys, transposed: true))
  }

  /// The sum of products of the left factors' elements: the gradient by log ρ, where `other` is that by the factors.
  func slope(_ other: UpdateFactors) -> Float {
    zip(left.elements, other.left.elements).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

/// Updates, and the way back.
struct UpdateRun {
  /// By layer.
  let factors: [UpdateFactors]
  /// Given the gradient by each layer's factors, adds that by the parameters.
  let backward: (_ ofFactors: [UpdateFactors], _ sum: inout [Matrix<Float>]) -> Void
}

/// How large a network is.
struct EditorShape: Equatable, Sendable {
  /// Length of a key; of SERAC, of what is looked at of a text.
  var keyWidth: Int
  /// Length of an output's gradient, and of a state.
  var outputWidth: Int
  /// Edited layers.
  var layerCount: Int
  /// Of MEND's U and V; of KE, the length of a direction's state; of SERAC, that of an embedding.
  var rank: Int
  /// Of MEND: whether the second step is linear; as published it is cut at zero.
  var isLastLinear = false
}
