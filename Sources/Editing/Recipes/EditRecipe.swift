public import ModelFiles

/// Everything an edit leaves open: method, layers, and the numbers of values and solver.
public struct EditRecipe: Equatable, Sendable {
  /// Method and its numbers.
  public var update: UpdateSettings
  /// Edited layers, ascending.
  public var layers: [Int]
  /// How values are optimized.
  public var values = ValueSettings()
  /// How gradients are used, by methods that optimize no values.
  public var gradients = GradientSettings()
  /// Where the recipe comes from, for people.
  public var source = "derived from the model's size"

  /// The published recipe for a model, or one derived from its size.
  ///
  /// - Parameters:
  ///   - family: `nil` where it is not known; then nothing is published.
  ///   - layerCount, width, keyWidth: of the model; `keyWidth` is the length of a key.
  public init(for method: EditMethod, family: ModelFamily?, layerCount: Int, width: Int, keyWidth: Int) {
    update = UpdateSettings(method: method)
    let known = family?.recipe ?? FamilyRecipe()
    let published = known.published(layerCount: layerCount, width: width)
    if let size = published {
      layers = method.usesSeveralLayers ? Array(size.layers) : [size.singleLayer]
      values.steps = known.steps ?? size.steps
      source = "published for \(size.name)"
    } else {
      // Where the published ones lie, as a share of the depth; at least one block must follow.
      let center = Double(layerCount) * known.depth
      let reach = method.usesSeveralLayers ? min(2, layerCount / 12) : 0
      let middle = min(max(Int(center.rounded()), reach), max(layerCount - 2 - reach, 0))
      layers = Array(max(middle - reach, 0)...min(middle + reach, max(layerCount - 1, 0)))
      values.steps = known.steps ?? 25
      // kᵀC⁻¹k is the width on average, so λ = width writes half of an edit under an average key. The published weights lie
      // between one and three times the width where several layers share an edit, and far below it where one must do.
      if method == .memit || method == .pmet {
        update.secondMomentWeight = Double(keyWidth) / (layers.count > 1 ? 1 : 10)
      }
    }
    values.weightDecay = known.weightDecay
    values.clamp = known.clamp
    switch method {
    case .ultraedit:
      // Published: later blocks but for the last, and 1e-6 for keys of 14 to 16 thousand entries; seen to work for 256
      // entries: 7e-4 on GPT-2, 1.5e-3 on Llama.
      layers = Array(
        published?.lateLayers ?? max(layerCount - 2 - layerCount / 4, 0)...max(layerCount - 2, 0))
      gradients.learningRate =
        published?.lateLayers != nil
        ? 1e-6 : known.gradientRate / (Double(keyWidth) * Double(keyWidth).squareRoot())
    case .ftl:
      // Published: 2e-3 to 5e-5 for keys of 4 to 16 thousand entries; seen to work for 256 entries:
      // 2e-2 on GPT-2, 4e-2 on Llama.
      gradients.bound = published?.bound ?? known.bound / Double(keyWidth)
      gradients.learningRate = max(5e-4, gradients.bound / 10)
    case .rome:
      values.target = .value
      values.clamp = 4
    case .pmet:
      values.target = .valueWithAttention
      values.learningRate = 0.2
      values.divergenceWeight = 1
      values.weightDecay = 0.5
      // Against the feed-forward's own output the published bounds are tight: on small models 2 writes twice as many facts.
      values.clamp = published == nil ? 2 : known.clampWithAttention
    case .emmet:
      // As released: Q = (wC)⁻¹ with ε = 0.1, which is MEMIT with λ = 0.1 w.
      update.ridge = 0.1
      update.secondMomentWeight = known.equalityWeight
    case .memit:
      if published != nil, let weight = known.secondMomentWeight { update.secondMomentWeight = weight }
    case .alphaedit:
      if published == nil {
        // The published threshold depends on the scale of the activations; a share of the trace does not.
        update.nullSpaceThreshold = .relative(0.01)
        update.ridge = 1
      }
    }
  }
}

extension EditMethod {
  /// Whether the published recipes spread an edit over several layers.
  var usesSeveralLayers: Bool {
    switch self {
    case .memit, .pmet, .alphaedit, .ultraedit: true
    case .emmet, .rome, .ftl: false
    }
  }
}
