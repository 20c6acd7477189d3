internal import ModelFiles

extension EditMethod {
  /// MEND, arXiv:2110.11309: a trained network turns a fact's gradient into an update.
  public static let mend = EditMethod(
    name: "mend",
    summary:
      "turns one gradient of each fact into an update by a network trained for the model (`errata train`); takes --editor",
    optimizesValues: false, hasClosedForm: false, trainedKind: .mend, needsSubject: false, layers: .spread,
    settings: RecipeSetting.common,
    advice: "the editor knows too few facts of this kind: train it on more, or for longer.",
    editor: { LearnedUpdateEditor($0) },
    recipe: { recipe, model in
      recipe.layers = EditorSettings.layers(of: model.layerCount)
    })
}
