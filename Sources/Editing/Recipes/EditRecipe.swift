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
  ///   - family: `model_type`.
  ///   - layerCount, width, keyWidth: of the model; `keyWidth` is the length of a key.
  public init(for method: EditMethod, family: String, layerCount: Int, width: Int, keyWidth: Int) {
    update = UpdateSettings(method: method)
    let isLlamaLike = family == "llama" || family == "qwen2"
    let published = RecipeRow.published.first { $0.fits(family, layerCount, width) }
    if let row = published {
      layers = method.usesSeveralLayers ? Array(row.layers) : [row.singleLayer]
      values.steps = row.steps
      source = "published for \(row.name)"
    } else {
      // Where the published ones lie: a third of the depth for GPT-2, a sixth for others; at least one block must follow.
      let center = Double(layerCount) * (family == "gpt2" ? 0.32 : 0.18)
      let reach = method.usesSeveralLayers ? min(2, layerCount / 12) : 0
      let middle = min(max(Int(center.rounded()), reach), max(layerCount - 2 - reach, 0))
      layers = Array(max(middle - reach, 0)...min(middle + reach, max(layerCount - 1, 0)))
      values.steps = 25
      // kᵀC⁻¹k is the width on average, so λ = width writes half of an edit under an average key. The published weights lie
      // between one and three times the width where several layers share an edit, and far below it where one must do.
      if method == .memit || method == .pmet {
        update.secondMomentWeight = Double(keyWidth) / (layers.count > 1 ? 1 : 10)
      }
    }
    if isLlamaLike {
      values.steps = 25
      values.weightDecay = 1e-3
      values.clamp = 4
    }
    switch method {
    case .ultraedit:
      // Published: later blocks but for the last, and 1e-6 for keys of 14 to 16 thousand entries; seen to work for 256
      // entries: 7e-4 on GPT-2, 1.5e-3 on Llama.
      layers = Array(
        published?.lateLayers ?? max(layerCount - 2 - layerCount / 4, 0)...max(layerCount - 2, 0))
      gradients.learningRate =
        published?.lateLayers != nil
        ? 1e-6 : (isLlamaLike ? 6 : 3) / (Double(keyWidth) * Double(keyWidth).squareRoot())
    case .ftl:
      // Published: 2e-3 to 5e-5 for keys of 4 to 16 thousand entries; seen to work for 256 entries:
      // 2e-2 on GPT-2, 4e-2 on Llama.
      gradients.bound = published?.bound ?? (isLlamaLike ? 10 : 5) / Double(keyWidth)
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
      values.clamp = published == nil ? 2 : isLlamaLike ? 1 : 0.75
    case .emmet:
      // As released: Q = (wC)⁻¹ with ε = 0.1, which is MEMIT with λ = 0.1 w.
      update.ridge = 0.1
      update.secondMomentWeight = family == "gpt2" ? 1000 : 1
    case .memit: if published != nil, family == "gpt2" { update.secondMomentWeight = 20_000 }
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

/// A model's published layers and steps.
///
/// - Source: kmeng01/memit and scalable-model-editing/unified-model-editing, `hparams/`; zjunlp/EasyEdit, `hparams/`.
struct RecipeRow {
  let name: String
  let family: String
  let layerCount: Int
  let width: Int
  /// Of the methods that spread an edit.
  let layers: ClosedRange<Int>
  /// Of those that do not.
  let singleLayer: Int
  let steps: Int
  /// Of UltraEdit, where its down-projections are edited.
  var lateLayers: ClosedRange<Int>?
  /// FT-L's ε.
  var bound: Double?

  func fits(_ family: String, _ layerCount: Int, _ width: Int) -> Bool {
    self.family == family && self.layerCount == layerCount && self.width == width
  }

  static let published = [
    RecipeRow(
      name: "GPT-2 medium", family: "gpt2", layerCount: 24, width: 1024, layers: 6...10, singleLayer: 8,
      steps: 20, bound: 2e-3),
    RecipeRow(
      name: "GPT-2 large", family: "gpt2", layerCount: 36, width: 1280, layers: 10...14, singleLayer: 12,
      steps: 20),
    RecipeRow(
      name: "GPT-2 XL", family: "gpt2", layerCount: 48, width: 1600, layers: 13...17, singleLayer: 17,
      steps: 20, bound: 5e-4),
    RecipeRow(
      name: "GPT-J 6B", family: "gptj", layerCount: 28, width: 4096, layers: 3...8, singleLayer: 5, steps: 25,
      lateLayers: 18...26, bound: 5e-5),
    RecipeRow(
      name: "GPT-NeoX 20B", family: "gpt_neox", layerCount: 44, width: 6144, layers: 6...10, singleLayer: 15,
      steps: 20),
    RecipeRow(
      name: "Llama 2 7B and Mistral 7B", family: "llama", layerCount: 32, width: 4096, layers: 4...8,
      singleLayer: 5, steps: 25, lateLayers: 29...30),
    RecipeRow(
      name: "Llama 3.2 3B", family: "llama", layerCount: 28, width: 3072, layers: 4...8, singleLayer: 5,
      steps: 25),
    RecipeRow(
      name: "Qwen2 7B", family: "qwen2", layerCount: 28, width: 3584, layers: 4...8, singleLayer: 5, steps: 25
    ),
  ]
}
