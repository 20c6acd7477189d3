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
struct GradientEditor: Editor {
  let layers: [Int]
  let settings: GradientSettings
  let solver: WeightSolver
  /// Threads of the solver's own products.
  let threads: Int
  /// Goes on from batch to batch.
  private var normalization: FeatureNormalization
  /// Positions of one run at most.
  private static let rowLimit = 1024

  init(
    layers: [Int], settings: GradientSettings, solver: WeightSolver, threads: Int,
    _ configuration: NetworkConfiguration
  ) {
    self.layers = layers
    self.settings = settings
    self.solver = solver
    self.threads = threads
    normalization = FeatureNormalization(width: configuration.feedForwardWidth + configuration.width)
  }

  init(_ setup: EditorSetup) {
    self.init(
      layers: setup.recipe.layers, settings: setup.recipe.gradients, solver: setup.solver,
      threads: setup.threads, setup.network.configuration)
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
      let layered = LayerGradients(network: network, layers: layers)
      let (asked, terms) = part.targetTerms(weight: 1)
      let run = try layered.find(
        sequences, from: layered.inputs(of: sequences), rows: asked, terms: terms)
      let found = part.targetMeans(run.values)
      guard found.allSatisfy(\.isFinite) else { throw try network.notNumbers() }
      for index in layers.indices {
        keys[index] += run.keys[index].elements
        gradients[index] += run.gradients[index].elements
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
  /// The values say how the facts were liked before.
  mutating func update(
    _ batch: EditBatch, on network: Network, after base: EditedWeights?, progress: (Edit.Stage) -> Void
  ) throws -> (weights: EditedWeights, values: [FactValue]) {
    progress(.gradients)
    let texts = TargetText.all(batch.problems)
    let features = try features(texts, in: network)
    for (keys, gradients) in zip(features.keys, features.gradients) {
      normalization.add(keys.beside(gradients))
    }
    let losses = features.losses.means(of: texts, count: batch.problems.count)
    guard losses.allSatisfy(\.isFinite) else { throw try network.notNumbers() }
    var weights = EditedWeights(overlay: network.overlay)
    for (index, layer) in layers.enumerated() {
      let edits = KeysFile.Edits(
        keys: features.keys[index],
        residuals: wanted(keys: features.keys[index], gradients: features.gradients[index]),
        earlierKeys: nil, names: features.edits.map { batch.groups[$0].facts[0].identifier })
      let weight = try network.downProjection(of: layer)
      var update = try BLASThreads.with(threads) {
        try solver.solve(weight, edits) { progress(.weight($0, $1)) }
      }
      update.group(features.edits, residuals: edits.residuals)
      if let before = base?[weight] { update.add(before, in: IdentityMetric(inputWidth: edits.keys.columns)) }
      try weights.append(update, from: solver)
    }
    return (weights, losses.map { FactValue(trained: [$0]) })
  }
}

extension WeightUpdate {
  /// Makes of tokens edits: a report for each, over all its tokens. Tokens may well share a key, so nothing is said of that.
  fileprivate mutating func group(_ edits: [Int], residuals: Matrix<Double>) {
    guard let solved = solution else { return }
    let effects = keys.times(solved.factors.right, otherTransposed: true)
      .times(solved.factors.left, otherTransposed: true)
    var rows = [[Int]](repeating: [], count: (edits.max() ?? -1) + 1)
    for (row, edit) in edits.enumerated() { rows[edit].append(row) }
    let reports = rows.map { rows in
      EditReport(got: rows.flatMap { effects.row($0) }, wanted: rows.flatMap { residuals.row($0) })
    }
    solution = solved.reporting(reports, warnings: [])
    editOfKey = edits
    stored = nil
  }
}

extension [Float] {
  /// Of each edit, the mean over its texts.
  func means(of texts: [TargetText], count: Int) -> [Float] {
    var sums = [Float](repeating: 0, count: count)
    var counts = sums
    for (text, value) in zip(texts, self) {
      sums[text.edit] += value
      counts[text.edit] += 1
    }
    return zip(sums, counts).map { $0 / Swift.max($1, 1) }
  }
}

extension Matrix<Double> {
  /// The rows of this matrix, each with one of another behind it.
  func beside(_ other: Matrix) -> Matrix {
    precondition(rows == other.rows, "as many rows")
    return Matrix(
      rows: rows, columns: columns + other.columns, elements: (0..<rows).flatMap { row($0) + other.row($0) })
  }
}
