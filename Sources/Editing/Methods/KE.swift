internal import ModelFiles

extension EditMethod {
  /// KE, arXiv:2104.08164: a trained network reads the fact and scales its gradient.
  public static let ke = EditMethod(
    name: "ke",
    summary:
      "scales one gradient of each fact by a network that reads the fact, trained for the model (`errata train`); takes --editor",
    optimizesValues: false, hasClosedForm: false, trainedKind: .ke, needsSubject: false, layers: .spread,
    settings: RecipeSetting.common,
    advice: "the editor knows too few facts of this kind: train it on more, or for longer.",
    editor: { LearnedUpdateEditor($0) },
    recipe: { recipe, model in
      recipe.layers = EditorSettings.layers(of: model.layerCount)
    })
}
