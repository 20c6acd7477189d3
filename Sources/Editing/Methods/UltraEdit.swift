internal import ModelFiles

extension EditMethod {
  /// UltraEdit, arXiv:2505.14679: one gradient per fact, neither subject nor second moment.
  public static let ultraedit = EditMethod(
    name: "ultraedit",
    summary:
      "reads what is to be stored off one gradient of each fact's loss, at every token; takes neither statistics nor subjects",
    traits: Traits(ridge: 1), optimizesValues: false, needsSubject: false, layers: .spread,
    settings: RecipeSetting.common.union([.secondMomentWeight, .ridge, .learningRate]),
    advice: "Try a larger --learning-rate, or more --layers.",
    editor: { GradientEditor($0) },
    recipe: { recipe, model in
      // Published: later blocks but for the last, and 1e-6 for keys of 14 to 16 thousand entries; seen to work for 256
      // entries: 7e-4 on GPT-2, 1.5e-3 on Llama.
      let late = model.published?.lateLayers
      let last = max(model.layerCount - 2, 0)
      recipe.layers = Array(late ?? max(last - model.layerCount / 4, 0)...last)
      let width = Double(model.keyWidth)
      recipe.gradients.learningRate =
        late != nil ? 1e-6 : model.family.gradientRate / (width * width.squareRoot())
    })
}
