internal import Floor
internal import Glibc
internal import LinearAlgebra

/// MEND's network: what makes of a gradient's two factors those of an update.
///
///     h⁰ = [(u − μ_u)/σ_u ; (δ − μ_δ)/σ_δ],   h ← h + max(0, s_m ∘ (U V h + b) + c_m)  twice,   [ũ ; δ̃] = h
///     Δ_m = −ρ_m Σ_t δ̃_t ũ_tᵀ,   t over the tokens of prompt and target,   m over the edited layers
///
/// One network serves all layers, each with s, c and ρ of its own. U begins at zero, so an untrained network hands the normed gradient on.
/// A step that is cut at zero can only add, and take nothing out of a key that all prompts share; so the second one is linear here, and begins
/// with doing that (`telling(apart:)`). As published both are cut (`EditorSettings.isReleased`).
/// The update goes down the gradient from the first step, as in SERAC's code; MEND's own adds it and must first learn to turn it round. ρ is kept
/// as its logarithm, so that it stays above zero.
///
/// - Source: arXiv:2110.11309; eric-mitchell/mend, `algs/mend.py` and `nn.py`.
struct GradientTransform: UpdateNetwork {
  let shape: EditorShape
  /// μ, [keyWidth + outputWidth].
  let mean: [Float]
  /// σ.
  let deviation: [Float]
  var parameters: [Matrix<Float>]

  private static let stepCount = 2

  /// Whether what a step adds is cut at zero.
  private func isCut(_ step: Int) -> Bool { step < Self.stepCount - 1 || !shape.isLastLinear }

  var width: Int { shape.keyWidth + shape.outputWidth }
  var constants: [Matrix<Float>] { [Matrix(rows: 2, columns: width, elements: mean + deviation)] }

  /// U `[D × rank]`, V `[rank × D]`, b `[1 × D]`, s and c `[layers × D]`, for each of two steps; then log ρ. D = keyWidth + outputWidth.
  static func layout(_ shape: EditorShape) -> [(name: String, shape: [Int])] {
    let (width, layers) = (shape.keyWidth + shape.outputWidth, shape.layerCount)
    return (1...stepCount).flatMap { step in
      [
        ("\(step).U", [width, shape.rank]), ("\(step).V", [shape.rank, width]), ("\(step).b", [1, width]),
        ("\(step).s", [layers, width]), ("\(step).c", [layers, width]),
      ]
    } + [("rates", [1, layers])]
  }

  /// An untrained network: V normal, s one, all else zero.
  init(_ shape: EditorShape, mean: [Float], deviation: [Float], seed: UInt64) {
    (self.shape, self.mean, self.deviation) = (shape, mean, deviation)
    parameters = Self.layout(shape).enumerated().map { index, part in
      let (rows, columns) = (part.shape[0], part.shape[1])
      if part.name.hasSuffix(".V") { return .normal(part.shape, seed: seed, stream: index) }
      let value: Float = part.name.hasSuffix(".s") ? 1 : 0
      return Matrix(
        rows: rows, columns: columns, elements: [Float](repeating: value, count: rows * columns))
    }
  }

  /// A trained one.
  init(_ shape: EditorShape, mean: [Float], deviation: [Float], parameters: [Matrix<Float>]) {
    (self.shape, self.mean, self.deviation, self.parameters) = (shape, mean, deviation, parameters)
  }

  func run(_ input: UpdateInput) -> UpdateRun {
    let layers = input.keys.indices.map { layer -> (output: Matrix<Float>, tapes: [Tape]) in
      run(normed(keys: input.keys[layer], gradients: input.gradients[layer]), layer: layer)
    }
    let factors = layers.enumerated().map { self.factors($1.output, layer: $0) }
    return UpdateRun(factors: factors) { ofFactors, sum in
      for (layer, run) in layers.enumerated() {
        sum[parameters.count - 1][0, layer] += factors[layer].slope(ofFactors[layer])
        backward(run.tapes, layer: layer, ofFactors[layer], into: &sum)
      }
    }
  }

  /// h⁰ of tokens. `[tokens × D]`
  func normed(keys: Matrix<Float>, gradients: Matrix<Float>) -> Matrix<Float> {
    var normed = Matrix<Float>(rows: keys.rows, columns: width)
    for row in 0..<keys.rows {
      for (column, value) in (keys.row(row) + gradients.row(row)).enumerated() {
        normed[row, column] = (value - mean[column]) / (deviation[column] + 1e-7)
      }
    }
    return normed
  }

  /// What the backward pass needs of a step.
  struct Tape {
    let input: Matrix<Float>
    /// V h. `[tokens × rank]`
    let inner: Matrix<Float>
    /// U V h + b.
    let mixed: Matrix<Float>
    /// What is added, or put through max(0, ·) before.
    let argument: Matrix<Float>
  }

  /// [ũ ; δ̃] of a layer's tokens. `[tokens × D]`
  func run(_ normed: Matrix<Float>, layer: Int) -> (output: Matrix<Float>, tapes: [Tape]) {
    var h = normed
    var tapes: [Tape] = []
    for step in 0..<Self.stepCount {
      let p = Array(parameters[5 * step..<5 * step + 5])
      let inner = h.times(p[1], otherTransposed: true)
      let mixed = inner.times(p[0], otherTransposed: true).adding(toEachRow: p[2].elements)
      var argument = mixed
      var next = h
      let isCut = isCut(step)
      for row in 0..<h.rows {
        for column in 0..<width {
          argument[row, column] = p[3][layer, column] * mixed[row, column] + p[4][layer, column]
          next[row, column] += isCut ? max(0, argument[row, column]) : argument[row, column]
        }
      }
      tapes.append(Tape(input: h, inner: inner, mixed: mixed, argument: argument))
      h = next
    }
    return (h, tapes)
  }

  /// The update of a layer: δ̃ rows times −ρ, and ũ rows.
  func factors(_ output: Matrix<Float>, layer: Int) -> UpdateFactors {
    let rate = expf(parameters[10][0, layer])
    let keyWidth = shape.keyWidth
    var left = Matrix<Float>(rows: output.rows, columns: shape.outputWidth)
    var right = Matrix<Float>(rows: output.rows, columns: keyWidth)
    for row in 0..<output.rows {
      for column in 0..<keyWidth { right[row, column] = output[row, column] }
      for column in 0..<left.columns { left[row, column] = -rate * output[row, keyWidth + column] }
    }
    return UpdateFactors(left: left, right: right)
  }

  /// Adds the gradient by all parameters but ρ.
  private func backward(
    _ tapes: [Tape], layer: Int, _ ofFactors: UpdateFactors, into sum: inout [Matrix<Float>]
  ) {
    let rate = expf(parameters[10][0, layer])
    var dh = Matrix<Float>(rows: ofFactors.left.rows, columns: width)
    for row in 0..<dh.rows {
      for column in 0..<shape.keyWidth { dh[row, column] = ofFactors.right[row, column] }
      for column in 0..<shape.outputWidth {
        dh[row, shape.keyWidth + column] = -rate * ofFactors.left[row, column]
      }
    }
    for step in (0..<Self.stepCount).reversed() {
      let (p, tape) = (Array(parameters[5 * step..<5 * step + 5]), tapes[step])
      var dmixed = dh
      let isCut = isCut(step)
      for row in 0..<dh.rows {
        for column in 0..<width {
          let slope = !isCut || tape.argument[row, column] > 0 ? dh[row, column] : 0
          sum[5 * step + 3][layer, column] += slope * tape.mixed[row, column]
          sum[5 * step + 4][layer, column] += slope
          let own = slope * p[3][layer, column]
          sum[5 * step + 2][0, column] += own
          dmixed[row, column] = own
        }
      }
      sum[5 * step].addProduct(dmixed, tape.inner, firstTransposed: true)
      let dinner = dmixed.times(p[0])
      sum[5 * step + 1].addProduct(dinner, tape.input, firstTransposed: true)
      dh.addProduct(dinner, p[1])
    }
  }
}

extension GradientTransform {
  /// The network whose second step turns ũ toward what tells a key from all others, as C⁻¹ k of an edit in closed form does:
  ///
  ///     ũ ← ũ − Σ_i (1 − λ_r / λ_i) q_i q_iᵀ ũ,   λ₁ ≥ … ≥ λ_r and q_i of the mean of k kᵀ over the facts' tokens, layers alike
  ///
  /// - Parameter inputs: facts. The rank of U and V is r.
  func telling(apart inputs: [UpdateInput]) throws -> GradientTransform {
    var moment = Matrix<Double>(rows: shape.keyWidth, columns: shape.keyWidth)
    for layer in 0..<shape.layerCount {
      var own = Matrix<Double>(rows: shape.keyWidth, columns: shape.keyWidth)
      for input in inputs {
        let keys = Matrix<Double>(input.keys[layer])
        own.addProduct(keys, keys, firstTransposed: true)
      }
      let trace = (0..<own.rows).reduce(0) { $0 + own[$1, $1] }
      own.scale(by: 1 / max(trace, .leastNormalMagnitude))
      moment.add(own)
    }
    let eigen = try SymmetricEigen(of: moment)
    let count = min(shape.rank, shape.keyWidth)
    var network = self
    let (u, v) = (5 * (Self.stepCount - 1), 5 * (Self.stepCount - 1) + 1)
    network.parameters[v] = Matrix(rows: shape.rank, columns: width)
    let last = max(eigen.values[shape.keyWidth - count], 0)
    for row in 0..<count {
      let place = shape.keyWidth - 1 - row
      let share = eigen.values[place] > 0 ? 1 - last / eigen.values[place] : 0
      for column in 0..<shape.keyWidth {
        network.parameters[v][row, column] = Float(eigen.vectors[place, column])
        network.parameters[u][column, row] = Float(-share * eigen.vectors[place, column])
      }
    }
    return network
  }
}

extension EditorKind {
  /// MEND, arXiv:2110.11309.
  public static let mend = EditorKind(
    name: "mend", summary: "a small network turns the two factors of a gradient into those of an update",
    learningRate: 1e-4, hasReleasedForm: true,
    parameters: GradientTransform.layout,
    constants: { [("norms", [2, $0.keyWidth + $0.outputWidth])] },
    lessons: UpdateLessons.from { shape, inputs, seed in
      var normalization = FeatureNormalization(width: shape.keyWidth + shape.outputWidth)
      for input in inputs {
        for (keys, gradients) in zip(input.keys, input.gradients) {
          normalization.add(Matrix<Double>(keys).beside(Matrix<Double>(gradients)))
        }
      }
      let network = GradientTransform(
        shape, mean: normalization.means.map { Float($0) },
        deviation: normalization.deviations.map { Float($0) }, seed: seed)
      return shape.isLastLinear ? try network.telling(apart: inputs) : network
    },
    trained: { shape, parameters, constants in
      GradientTransform(
        shape, mean: Array(constants[0].row(0)), deviation: Array(constants[0].row(1)), parameters: parameters
      )
    })
}

extension Matrix<Float> {
  /// Numbers drawn from a normal distribution with deviation one.
  ///
  /// - Parameter stream: which of the matrices of one seed it is.
  static func normal(_ shape: [Int], seed: UInt64, stream: Int) -> Matrix<Float> {
    let count = shape[0] * shape[1]
    let elements = (0..<count).map { index -> Float in
      let place = 2 * (stream << 32 + index)
      let radius = (Double(SplitMix64.draw(place, seed: seed) >> 11) + 1) * 0x1p-53
      let angle = Double(SplitMix64.draw(place + 1, seed: seed) >> 11) * 0x1p-53
      return Float((-2 * log(radius)).squareRoot() * cos(2 * .pi * angle))
    }
    return Matrix(rows: shape[0], columns: shape[1], elements: elements)
  }
}
