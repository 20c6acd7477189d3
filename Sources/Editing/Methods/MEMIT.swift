internal import ModelFiles

extension EditMethod {
  /// MEMIT, arXiv:2210.07229.
  public static let memit = EditMethod(
    name: "memit", summary: "spreads many facts over several layers, weighed against what the layers know",
    traits: Traits(
      metric: .inverseSecondMoment, secondMomentWeight: 15_000, ridge: 1, usesEarlierKeys: true),
    layers: .spread, settings: RecipeSetting.solving.union(RecipeSetting.valuing),
    editor: { ValueEditor($0) },
    recipe: { recipe, model in
      if model.published == nil {
        recipe.update.secondMomentWeight = model.evenWeight(over: recipe.layers)
      } else if let weight = model.family.secondMomentWeight {
        recipe.update.secondMomentWeight = weight
      }
    })
}

extension RecipeModel {
  /// λ that writes half of an edit under an average key.
  ///
  /// kᵀC⁻¹k is the width on average, so that is λ = width. The published weights lie between one and three times the width where
  /// several layers share an edit, and far below it where one must do. Behind a norm, and where outputs are scaled, one must: a value is
  /// held against the last weight's output, which the layers before it hardly move.
  func evenWeight(over layers: [Int]) -> Double {
    Double(keyWidth) / (layers.count > 1 && addsOutputsAsTheyAre ? 1 : 10)
  }
}
