internal import ModelFiles

extension EditMethod {
  /// EMMET, arXiv:2403.14236; also written EMT.
  public static let emmet = EditMethod(
    name: "emmet", otherNames: ["emt"],
    summary: "stores every fact in full in one layer, by rome's rule for many at once; also written emt",
    traits: Traits(metric: .inverseSecondMoment),
    settings: RecipeSetting.solving.union(RecipeSetting.valuing),
    editor: { ValueEditor($0) },
    recipe: { recipe, model in
      // As released: Q = (wC)⁻¹ with ε = 0.1, which is MEMIT with λ = 0.1 w.
      recipe.update.ridge = 0.1
      recipe.update.secondMomentWeight = model.family.equalityWeight
    })
}
