internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// UltraEdit: what is to be stored is read off one gradient per fact.
///
///     h = key, g = ∂(−log p(target))/∂value,  at every token of prompt and target, in every edited layer
///     ĥ, ĝ = h, g less their mean, over their deviation,  both over all edits so far and all edited layers
///     v = −η ‖ĥ‖² ĝ
///     Δᵀ = (HᵀH + I)⁻¹ Hᵀ V,  a row of H and V for every token
///
/// All layers take their keys and gradients from the network as it is before the batch.
///
/// - Source: arXiv:2505.14679; zjunlp/EasyEdit, `models/ultraedit/ULTRAEDIT.py`, whose presets (`token: mask`) take all tokens of
///   the text, not only those that predict the target, and norm all weights of one shape together. There the text ends with
///   the target's last token, which predicts nothing and has no gradient; here it is left out.
struct GradientEdit {
  let layers: [Int]
  let settings: GradientSettings
  let editor: WeightEditor
  /// Threads of the solver's own products.
  let threads: Int
  /// Goes on from batch to batch.
  private var normalization: FeatureNormalization
  /// Positions of one run at most.
  private static let rowLimit = 1024

  init(
    layers: [Int], settings: GradientSettings, editor: WeightEditor, threads: Int,
    _ configuration: NetworkConfiguration
  ) {
    self.layers = layers
    self.settings = settings
    self.editor = editor
    self.threads = threads
    normalization = FeatureNormalization(width: configuration.feedForwardWidth + configuration.width)
  }

  /// Keys and gradients of texts.
  struct Features {
    /// One per layer. `[tokens × feedForwardWidth]`
    var keys: [Matrix<Double>]
    /// One per layer. `[tokens × width]`
    var gradients: [Matrix<Double>]
    /// The edit of each token.
    var edits: [Int] = []
    /// −log p of each text's target.
    var losses: [Float] = []
  }

  /// One forward and one backward pass.
  func features(_ texts: [TargetText], in network: Network) throws -> Features {
    let c = network.configuration
    var keys = layers.map { _ in [Float]() }
    var gradients = keys
    var edits: [Int] = []
    var losses: [Float] = []
    var next = 0
    while next < texts.count {
      var end = next
      var rows = 0
      while end < texts.count, end == next || rows + texts[end].tokens.count <= Self.rowLimit {
        rows += texts[end].tokens.count
        end += 1
      }
      let part = Array(texts[next..<end])
      let sequences = part.map { TokenSequence($0.tokens) }
      var hidden: Matrix<Float>?
      var runs: [ForwardRun] = []
      var first = 0
      for (index, layer) in layers.enumerated() {
        let run = try network.run(
          sequences, from: hidden, .init(first..<layer + 1), keeping: index == 0 ? [] : .tape
        ) { block, activation, rows in
          if block == layer, activation == .key { keys[index] += rows.matrix().elements }
        }
        hidden = run.hidden.matrix()
        runs.append(run)
        first = layer + 1
      }
      var (found, gradient) = try network.targetLosses(part, from: hidden!, above: layers.last!, weight: 1)
      guard found.allSatisfy(\.isFinite) else { throw try network.notNumbers() }
      gradients[layers.count - 1] += gradient.matrix().elements
      for index in layers.indices.dropLast().reversed() {
        gradient = network.backward(runs[index + 1], from: gradient)
        gradients[index] += gradient.matrix().elements
      }
      losses += found
      for text in part { edits += text.tokens.map { _ in text.edit } }
      next = end
    }
    func matrix(_ elements: [Float], _ width: Int) -> Matrix<Double> {
      Matrix(Matrix(rows: elements.count / width, columns: width, elements: elements))
    }
    return Features(
      keys: keys.map { matrix($0, c.feedForwardWidth) }, gradients: gradients.map { matrix($0, c.width) },
      edits: edits, losses: losses)
  }

  /// V, for the keys of one layer. `[tokens × width]`
  func wanted(keys: Matrix<Double>, gradients: Matrix<Double>) -> Matrix<Double> {
    let normed = normalization.apply(keys.beside(gradients))
    var wanted = Matrix<Double>(rows: gradients.rows, columns: gradients.columns)
    for row in 0..<normed.rows {
      let feature = normed.row(row)
      let size = Array(feature.prefix(keys.columns)).sumOfSquares
      for (column, value) in feature.dropFirst(keys.columns).enumerated() {
        wanted[row, column] = -settings.learningRate * size * value
      }
    }
    return wanted
  }

  /// The updates of a batch.
  ///
  /// - Returns: one per layer, and for each problem a value that says how its facts were liked before.
  mutating func updates(
    _ problems: [ValueProblem], in network: Network,
    progress: (_ weight: String, _ phase: EditRun.Phase) -> Void
  ) throws -> (solved: [WeightEditor.Solved], values: [FactValue]) {
    let texts = TargetText.all(problems)
    let features = try features(texts, in: network)
    for (keys, gradients) in zip(features.keys, features.gradients) {
      normalization.add(keys.beside(gradients))
    }
    var solved: [WeightEditor.Solved] = []
    for (index, layer) in layers.enumerated() {
      let edits = KeysFile.Edits(
        keys: features.keys[index],
        residuals: wanted(keys: features.keys[index], gradients: features.gradients[index]),
        earlierKeys: nil)
      var update = try BLASThreads.with(threads) {
        try editor.solve(network.downProjection(of: layer), edits, progress: progress)
      }
      update.group(features.edits, residuals: edits.residuals)
      solved.append(update)
    }
    return (solved, problems.indices.map { FactValue(trained: [features.losses.mean(of: texts, edit: $0)]) })
  }
}

extension WeightEditor.Solved {
  /// Makes of tokens edits: a report for each, over all its tokens. Tokens may well share a key, so nothing is said of that.
  fileprivate mutating func group(_ edits: [Int], residuals: Matrix<Double>) {
    let effects = keys.times(solution!.factors.right, otherTransposed: true)
      .times(solution!.factors.left, otherTransposed: true)
    let reports = (0...(edits.max() ?? 0)).map { edit in
      let rows = edits.indices.filter { edits[$0] == edit }
      return EditReport(
        got: rows.flatMap { effects.row($0) }, wanted: rows.flatMap { residuals.row($0) })
    }
    solution = solution!.reporting(reports, warnings: [])
    editOfKey = edits
    stored = nil
  }
}

extension [Float] {
  /// The mean over the texts of one edit.
  func mean(of texts: [TargetText], edit: Int) -> Float {
    let own = indices.filter { texts[$0].edit == edit }.map { self[$0] }
    return own.reduce(0, +) / Float(Swift.max(own.count, 1))
  }
}

extension Matrix<Double> {
  /// The rows of this matrix, each with one of another behind it.
  fileprivate func beside(_ other: Matrix) -> Matrix {
    precondition(rows == other.rows, "as many rows")
    return Matrix(
      rows: rows, columns: columns + other.columns, elements: (0..<rows).flatMap { row($0) + other.row($0) })
  }
}
