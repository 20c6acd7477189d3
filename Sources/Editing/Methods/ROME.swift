extension EditMethod {
  /// ROME, arXiv:2202.05262.
  ///
  /// Its original divides by the key of the bare prompt and multiplies with the mean key of all contexts, and collapses where the two
  /// are far apart; by default both are the mean key (R-ROME, arXiv:2403.07175).
  public static let rome = EditMethod(
    name: "rome", summary: "stores one fact in full in one layer; several one after the other, or jointly",
    traits: Traits(metric: .inverseSecondMoment, takesOneEdit: true),
    rule: ValueRule(keys: .contexts, outputs: .contexts),
    originalRule: ValueRule(keys: .contexts, outputs: .bare, readsAtBareKeys: true),
    settings: RecipeSetting.solving.union(RecipeSetting.valuing), sequenceBatch: 1,
    // ROME is EMMET with one edit; several at once from the base are solved as EMMET solves them, without a ridge.
    joint: { .emmet },
    editor: { ValueEditor($0) },
    recipe: { recipe, _ in
      recipe.values.target = .value
      recipe.values.clamp = 4
    })
}
