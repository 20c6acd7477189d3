internal import Glibc
internal import LinearAlgebra

/// SERAC's classifier on a model's own states x of a fact's prompt and of a question: whether the question is in the fact's scope.
///
///     e = H (x − μ)/σ,   in scope ⇔ exp(−‖e_question − e_fact‖²) ≥ ½
///
/// Published is a model of its own with a linear head; here the edited model reads both texts, as it does anyhow, and the head is all that is
/// trained.
///
/// - Source: arXiv:2206.06520; eric-mitchell/serac, `algs/rep.py` and `losses.py`.
struct ScopeClassifier: TrainedNetwork {
  let shape: EditorShape
  /// μ. `[keyWidth]`
  let mean: [Float]
  /// σ: the root of the mean square of x − μ's length.
  let deviation: Float
  /// H. `[rank × keyWidth]`
  var parameters: [Matrix<Float>]

  var constants: [Matrix<Float>] {
    [
      Matrix(
        rows: 2, columns: mean.count,
        elements: mean + [Float](repeating: deviation, count: mean.count))
    ]
  }

  /// An untrained one, in which two texts lie about two apart.
  init(_ shape: EditorShape, states: [[Float]], seed: UInt64) {
    var mean = [Float](repeating: 0, count: shape.keyWidth)
    for state in states {
      for column in mean.indices { mean[column] += state[column] / Float(states.count) }
    }
    let square = states.reduce(0.0) { sum, state in
      sum + zip(state, mean).map { $0 - $1 }.sumOfSquares / Double(max(1, states.count))
    }
    var head = Matrix<Float>.normal([shape.rank, shape.keyWidth], seed: seed, stream: 0)
    head.scale(by: 1 / Float(shape.rank).squareRoot())
    self.init(
      shape, mean: mean, deviation: max(Float(square.squareRoot()), .leastNormalMagnitude), parameters: [head]
    )
  }

  /// A trained one.
  init(_ shape: EditorShape, mean: [Float], deviation: Float, parameters: [Matrix<Float>]) {
    (self.shape, self.mean, self.deviation, self.parameters) = (shape, mean, deviation, parameters)
  }

  /// Whether σ can be divided by.
  var isUsable: Bool {
    deviation > 0 && embedding.head?.elements.allSatisfy(\.isFinite) ?? false
  }

  /// What memories carry of it: e of a state.
  var embedding: PromptEmbedding {
    var head = parameters[0]
    head.scale(by: 1 / deviation)
    return PromptEmbedding(center: mean, head: head)
  }

  /// A fact's prompt and another, by their states.
  typealias Pair = (fact: [Float], question: [Float])

  /// d² of each pair, and the differences H is applied to. `[pairs × rank]`, `[pairs × keyWidth]`
  private func compared(_ pairs: [Pair]) -> (distances: [Float], made: Matrix<Float>, read: Matrix<Float>) {
    let read = Matrix<Float>(
      rows: pairs.count, columns: shape.keyWidth,
      elements: pairs.flatMap { pair in zip(pair.question, pair.fact).map { ($0 - $1) / deviation } })
    let made = read.times(parameters[0], otherTransposed: true)
    return ((0..<pairs.count).map { Float(Array(made.row($0)).sumOfSquares) }, made, read)
  }

  /// Whether each pair's question is in its fact's scope.
  func areInScope(_ pairs: [Pair]) -> [Bool] { distances(pairs).map { expf(-$0) >= 0.5 } }

  /// d² of each pair.
  func distances(_ pairs: [Pair]) -> [Float] { pairs.isEmpty ? [] : compared(pairs).distances }

  /// The same classifier with scopes that end where d² was `distance`: all distances times √(ln 2 / `distance`).
  func endingScopes(at distance: Float) -> ScopeClassifier {
    var other = self
    other.parameters[0].scale(by: (logf(2) / distance).squareRoot())
    return other
  }

  /// Half the mean of −log p over pairs in scope and half that of −log(1 − p) over those outside, p = exp(−d²), and the gradient by H.
  func gradient(within: [Pair], outside: [Pair]) -> (loss: Double, gradient: Matrix<Float>) {
    var gradient = Matrix<Float>(rows: shape.rank, columns: shape.keyWidth)
    var loss = 0.0
    for (pairs, isWithin) in [(within, true), (outside, false)] where !pairs.isEmpty {
      var (distances, made, read) = compared(pairs)
      let share = 0.5 / Float(pairs.count)
      for index in pairs.indices {
        // Two texts of one state would be infinitely wrong.
        let distance = max(distances[index], 1e-6)
        loss += Double(share * (isWithin ? distances[index] : -logf(-expm1f(-distance))))
        let slope = isWithin ? share : -share / expm1f(distance)
        for column in 0..<shape.rank { made[index, column] *= 2 * slope }
      }
      gradient.addProduct(made, read, firstTransposed: true)
    }
    return (loss, gradient)
  }
}

extension EditorKind {
  /// SERAC's scope classifier, arXiv:2206.06520.
  public static let serac = EditorKind(
    name: "serac", summary: "says which prompts are in a fact's scope, for memories (serac, serac-self)",
    learningRate: 1e-3, rank: 64, findsScopes: true, blocks: { ([$0 / 3], [$0 * 2 / 3]) },
    parameters: { [("head", [$0.rank, $0.keyWidth])] }, constants: { [("norms", [2, $0.keyWidth])] },
    lessons: ScopeLessons.prepare,
    trained: { shape, parameters, constants in
      ScopeClassifier(
        shape, mean: Array(constants[0].row(0)), deviation: constants[0][1, 0], parameters: parameters)
    })
}
