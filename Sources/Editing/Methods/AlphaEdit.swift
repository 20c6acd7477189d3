extension EditMethod {
  /// AlphaEdit, arXiv:2410.02355.
  public static let alphaedit = EditMethod(
    name: "alphaedit",
    summary: "writes only where known keys hardly reach: the null space of their second moment",
    traits: Traits(metric: .nullSpaceProjection, ridge: 10, usesEarlierKeys: true),
    layers: .spread,
    settings: RecipeSetting.valuing.union([.ridge, .nullSpaceThreshold, .nullSpaceShare]),
    advice:
      "the update writes too little of it. Try a smaller --ridge, a larger --null-space-share, more --layers, or fewer facts at once.",
    editor: { ValueEditor($0) },
    recipe: { recipe, model in
      guard model.published == nil else { return }
      // The published threshold depends on the scale of the activations; a share of the trace does not.
      recipe.update.nullSpaceThreshold = .relative(0.01)
      recipe.update.ridge = 1
    })
}
