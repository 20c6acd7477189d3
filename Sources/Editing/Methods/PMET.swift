internal import ModelFiles

extension EditMethod {
  /// PMET, arXiv:2308.08742: MEMIT's solve, for values found beside attention and shared out differently over the layers.
  public static let pmet = EditMethod(
    name: "pmet", summary: "memit with values that leave attention its part",
    traits: Traits(
      metric: .inverseSecondMoment, secondMomentWeight: 15_000, ridge: 1, usesEarlierKeys: true),
    layers: .spread, settings: RecipeSetting.solving.union(RecipeSetting.valuing),
    editor: { ValueEditor($0) },
    recipe: { recipe, model in
      if model.published == nil { recipe.update.secondMomentWeight = model.evenWeight(over: recipe.layers) }
      recipe.spread = .root
      recipe.values.target = .valueWithAttention
      recipe.values.learningRate = 0.2
      recipe.values.divergenceWeight = 1
      recipe.values.weightDecay = 0.5
      // Against the feed-forward's own output the published bounds are tight: on small models 2 writes twice as many facts.
      recipe.values.clamp = model.published == nil ? 2 : model.family.clampWithAttention
    })
}
