public import ModelFiles

/// Everything an edit leaves open: method, layers, and the numbers of values and solver.
public struct EditRecipe: Equatable, Sendable {
  /// Method and its numbers.
  public var update: UpdateSettings
  /// Edited layers, ascending.
  public var layers: [Int]
  /// How what is missing is shared out over them.
  public var spread = LayerSpread.equal
  /// How values are optimized.
  public var values = ValueSettings()
  /// How gradients are used, by methods that optimize no values.
  public var gradients = GradientSettings()
  /// How single neurons are found or added, by methods that do.
  public var neurons = NeuronSettings()
  /// Where the recipe comes from, for people.
  public var source = "derived from the model's size"

  /// Which method it is for.
  public var method: EditMethod { update.method }

  /// The published recipe for a model, or one derived from its size.
  ///
  /// - Parameters:
  ///   - family: `nil` where it is not known; then nothing is published.
  ///   - layerCount, width, keyWidth: of the model; `keyWidth` is the length of a key.
  ///   - addsOutputsAsTheyAre: whether what a down-projection writes is added to the stream as it is.
  public init(
    for method: EditMethod, family: ModelFamily?, layerCount: Int, width: Int, keyWidth: Int,
    addsOutputsAsTheyAre: Bool = true
  ) {
    let known = family?.recipe ?? FamilyRecipe()
    let model = RecipeModel(
      family: known, published: known.published(layerCount: layerCount, width: width),
      layerCount: layerCount, keyWidth: keyWidth, addsOutputsAsTheyAre: addsOutputsAsTheyAre)
    update = UpdateSettings(method: method)
    layers = model.layers(spread: method.layers == .spread)
    values.steps = known.steps ?? model.published?.steps ?? 25
    values.weightDecay = known.weightDecay
    values.clamp = known.clamp
    if let size = model.published { source = "published for \(size.name)" }
    method.recipe(&self, model)
  }
}

/// What a recipe is made for.
struct RecipeModel {
  /// What is known of the family.
  let family: FamilyRecipe
  /// The size, where recipes were published for it.
  let published: FamilyRecipe.PublishedSize?
  let layerCount: Int
  /// The length of a key.
  let keyWidth: Int
  /// Whether what a down-projection writes is added to the stream as it is, so that layers share in a change of the stream.
  let addsOutputsAsTheyAre: Bool

  /// The published layers, or as many where the published ones lie, as a share of the depth; at least one block must follow.
  func layers(spread: Bool) -> [Int] {
    if let published { return spread ? Array(published.layers) : [published.singleLayer] }
    let center = Double(layerCount) * family.depth
    let reach = spread ? min(2, layerCount / 12) : 0
    let middle = min(max(Int(center.rounded()), reach), max(layerCount - 2 - reach, 0))
    return Array(max(middle - reach, 0)...min(middle + reach, max(layerCount - 1, 0)))
  }
}
