internal import ModelFiles

extension EditMethod {
  /// FT-L, fine-tuning of one weight within a box around it: the baseline of ROME and MEMIT. It trains; nothing is solved.
  public static let ftl = EditMethod(
    name: "ft-l",
    summary:
      "trains one layer's weight and keeps every element near where it was; takes neither statistics nor subjects",
    optimizesValues: false, hasClosedForm: false, needsSubject: false, layers: .one,
    settings: RecipeSetting.common.union([.steps, .learningRate, .bound]),
    advice: "Try a larger --bound and --learning-rate, more --steps, or another of --layers.",
    editor: { TrainingEditor($0) },
    recipe: { recipe, model in
      // Published: 2e-3 to 5e-5 for keys of 4 to 16 thousand entries; seen to work for 256 entries:
      // 2e-2 on GPT-2, 4e-2 on Llama.
      recipe.gradients.bound = model.published?.bound ?? model.family.bound / Double(model.keyWidth)
      recipe.gradients.learningRate = max(5e-4, recipe.gradients.bound / 10)
    })
}
