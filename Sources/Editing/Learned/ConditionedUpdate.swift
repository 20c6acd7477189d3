internal import Floor
internal import Glibc
internal import LinearAlgebra

/// KE's network: reads the fact in words and scales rows and columns of its gradient, beside a rank of its own.
///
///     z = tanh(Z [h→ ; h←] + b_z),   h of an LSTM in each direction over "old >> new || prompt"
///     [r₁ ; c₁ ; r₂ ; c₂ ; η] = B_m tanh(A_m z + a_m) + b_m
///     Δ_m = −ρ_m σ(η) (softmax(r₁) c₁ᵀ ∘ ∇W_m + softmax(r₂) c₂ᵀ)
///
/// ∇W_m = Σ_t δ_t u_tᵀ, so Δ_m has at most a rank more than there are tokens. Words enter as the model's own first states, which the released
/// code copies and trains as well; its layers are normed by weight, these are not. ρ is that of the same network in MEND's comparison; the
/// update begins as a step down the gradient with c₁ one and c₂ zero.
///
/// - Source: arXiv:2104.08164; nicola-decao/KnowledgeEditor, `src/models/one_shot_learner.py`: 128 numbers in a direction, z of 1024;
///   eric-mitchell/mend, `algs/efk.py`.
struct ConditionedUpdate: UpdateNetwork {
  let shape: EditorShape
  var parameters: [Matrix<Float>]

  var constants: [Matrix<Float>] { [] }

  /// Numbers before those of the layers: two readers' and z's.
  private static let sharedCount = 8
  /// Matrices of a layer.
  private static let layerCount = 4

  static func layout(_ shape: EditorShape) -> [(name: String, shape: [Int])] {
    let (rank, deep) = (shape.rank, 8 * shape.rank)
    let readers = ["forward", "backward"].flatMap { name in
      [
        ("\(name).x", [4 * rank, shape.outputWidth]), ("\(name).h", [4 * rank, rank]),
        ("\(name).b", [1, 4 * rank]),
      ]
    }
    let layers = (1...shape.layerCount).flatMap { layer in
      [
        ("\(layer).A", [rank, deep]), ("\(layer).a", [1, rank]),
        ("\(layer).B", [outputCount(shape), rank]), ("\(layer).b", [1, outputCount(shape)]),
      ]
    }
    return readers + [("Z", [deep, 2 * rank]), ("z", [1, deep])] + layers + [
      ("rates", [1, shape.layerCount])
    ]
  }

  private static func outputCount(_ shape: EditorShape) -> Int {
    2 * (shape.keyWidth + shape.outputWidth) + 1
  }

  /// An untrained network: matrices uniform within 1/√columns, as torch's; c₁ is one and c₂ zero.
  init(_ shape: EditorShape, seed: UInt64) {
    self.shape = shape
    let (o, k) = (shape.outputWidth, shape.keyWidth)
    parameters = Self.layout(shape).enumerated().map { index, part in
      let (rows, columns) = (part.shape[0], part.shape[1])
      guard rows > 1, part.name != "rates" else {
        var bias = Matrix<Float>(rows: rows, columns: columns)
        if columns == Self.outputCount(shape) { for column in o..<o + k { bias[0, column] = 1 } }
        return bias
      }
      let bound = 1 / Double(columns).squareRoot()
      var random = SplitMix64(seed: SplitMix64.draw(index, seed: seed))
      var matrix = Matrix(
        rows: rows, columns: columns,
        elements: (0..<rows * columns).map { _ in Float((2 * random.unit() - 1) * bound) })
      if rows == Self.outputCount(shape) {
        for row in 2 * o + k..<2 * (o + k) { for column in 0..<columns { matrix[row, column] = 0 } }
      }
      return matrix
    }
  }

  /// A trained one.
  init(_ shape: EditorShape, parameters: [Matrix<Float>]) {
    (self.shape, self.parameters) = (shape, parameters)
  }

  private func reader(_ first: Int) -> TextReader {
    TextReader(
      input: parameters[first], recurrent: parameters[first + 1], bias: parameters[first + 2].elements)
  }

  func run(_ input: UpdateInput) -> UpdateRun {
    let readers = [reader(0), reader(3)]
    let read = readers.enumerated().map { $1.read(input.words, backwards: $0 == 1) }
    let states = Matrix(rows: 1, columns: 2 * shape.rank, elements: read[0].hidden + read[1].hidden)
    let deep = states.times(parameters[6], otherTransposed: true).adding(toEachRow: parameters[7].elements)
      .tanh
    let layers = (0..<shape.layerCount).map { LayerUpdate(self, layer: $0, deep, input) }
    return UpdateRun(factors: layers.map(\.factors)) { ofFactors, sum in
      var ofDeep = Matrix<Float>(rows: 1, columns: deep.columns)
      for (layer, own) in layers.enumerated() {
        own.backward(ofFactors[layer], deep, input, into: &sum, &ofDeep)
      }
      for column in 0..<deep.columns { ofDeep[0, column] *= 1 - deep[0, column] * deep[0, column] }
      sum[6].addProduct(ofDeep, states, firstTransposed: true)
      sum[7].add(ofDeep)
      let ofStates = ofDeep.times(parameters[6]).elements
      for (index, reader) in readers.enumerated() {
        reader.backward(
          input.words, read[index].tapes,
          from: Array(ofStates[index * shape.rank..<(index + 1) * shape.rank]),
          into: &sum[3 * index..<3 * index + 3])
      }
    }
  }

  /// The update of one layer.
  private struct LayerUpdate {
    let shape: EditorShape
    let layer: Int
    /// Place of the layer's first matrix.
    let first: Int
    /// A, B.
    let inner: Matrix<Float>
    let outer: Matrix<Float>
    /// tanh(A z + a). `[1 × rank]`
    let mixed: Matrix<Float>
    /// softmax(r₁), c₁, softmax(r₂), c₂, σ(η).
    let (rows, columns, ownRows, ownColumns): ([Float], [Float], [Float], [Float])
    let gate: Float
    /// −ρ σ(η).
    let scale: Float
    let factors: UpdateFactors

    init(_ network: ConditionedUpdate, layer: Int, _ deep: Matrix<Float>, _ input: UpdateInput) {
      (shape, self.layer) = (network.shape, layer)
      first = sharedCount + ConditionedUpdate.layerCount * layer
      let p = network.parameters
      (inner, outer) = (p[first], p[first + 2])
      mixed = deep.times(inner, otherTransposed: true).adding(toEachRow: p[first + 1].elements).tanh
      let all = mixed.times(outer, otherTransposed: true).adding(toEachRow: p[first + 3].elements).elements
      let (o, k) = (shape.outputWidth, shape.keyWidth)
      rows = softmax(all[..<o])
      columns = Array(all[o..<o + k])
      ownRows = softmax(all[(o + k)..<(2 * o + k)])
      ownColumns = Array(all[(2 * o + k)..<2 * (o + k)])
      gate = logistic(all[2 * (o + k)])
      scale = -expf(p[p.count - 1][0, layer]) * gate
      let (keys, gradients) = (input.keys[layer], input.gradients[layer])
      var left = Matrix<Float>(rows: keys.rows + 1, columns: o)
      var right = Matrix<Float>(rows: keys.rows + 1, columns: k)
      for row in 0..<keys.rows {
        for column in 0..<o { left[row, column] = scale * rows[column] * gradients[row, column] }
        for column in 0..<k { right[row, column] = columns[column] * keys[row, column] }
      }
      for column in 0..<o { left[keys.rows, column] = scale * ownRows[column] }
      for column in 0..<k { right[keys.rows, column] = ownColumns[column] }
      factors = UpdateFactors(left: left, right: right)
    }

    /// Adds the gradient by the layer's matrices and its ρ, and that by z.
    func backward(
      _ ofFactors: UpdateFactors, _ deep: Matrix<Float>, _ input: UpdateInput,
      into sum: inout [Matrix<Float>], _ ofDeep: inout Matrix<Float>
    ) {
      let (keys, gradients) = (input.keys[layer], input.gradients[layer])
      let slope = factors.slope(ofFactors)
      sum[sum.count - 1][0, layer] += slope
      let (o, k, last) = (shape.outputWidth, shape.keyWidth, keys.rows)
      var (ofRows, ofColumns) = ([Float](repeating: 0, count: o), [Float](repeating: 0, count: k))
      for row in 0..<last {
        for column in 0..<o { ofRows[column] += ofFactors.left[row, column] * scale * gradients[row, column] }
        for column in 0..<k { ofColumns[column] += ofFactors.right[row, column] * keys[row, column] }
      }
      let ofOwnRows = ofFactors.left.row(last).map { $0 * scale }
      let ofAll =
        softmaxGradient(rows, ofRows) + ofColumns + softmaxGradient(ownRows, ofOwnRows)
        + Array(ofFactors.right.row(last)) + [slope * (1 - gate)]
      let ofOutput = Matrix(rows: 1, columns: ofAll.count, elements: ofAll)
      sum[first + 2].addProduct(ofOutput, mixed, firstTransposed: true)
      sum[first + 3].add(ofOutput)
      var ofMixed = ofOutput.times(outer)
      for column in 0..<mixed.columns { ofMixed[0, column] *= 1 - mixed[0, column] * mixed[0, column] }
      sum[first].addProduct(ofMixed, deep, firstTransposed: true)
      sum[first + 1].add(ofMixed)
      ofDeep.addProduct(ofMixed, inner)
    }
  }
}

extension EditorKind {
  /// KE, arXiv:2104.08164.
  public static let ke = EditorKind(
    name: "ke", summary: "a recurrent network reads the fact and scales rows and columns of its gradient",
    learningRate: 3e-4, readsWords: true, parameters: ConditionedUpdate.layout,
    lessons: UpdateLessons.from { shape, _, seed in ConditionedUpdate(shape, seed: seed) },
    trained: { shape, parameters, _ in ConditionedUpdate(shape, parameters: parameters) })
}

/// eˣ / Σ eˣ.
private func softmax(_ x: ArraySlice<Float>) -> [Float] {
  let largest = x.max() ?? 0
  let powers = x.map { expf($0 - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}

/// The gradient by x of one by softmax(x).
private func softmaxGradient(_ softmax: [Float], _ gradient: [Float]) -> [Float] {
  let mean = zip(softmax, gradient).reduce(0) { $0 + $1.0 * $1.1 }
  return zip(softmax, gradient).map { $0 * ($1 - mean) }
}

extension Matrix<Float> {
  fileprivate var tanh: Matrix<Float> {
    Matrix(rows: rows, columns: columns, elements: elements.map { tanhf($0) })
  }
}
