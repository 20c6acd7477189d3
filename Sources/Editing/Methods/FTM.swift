internal import ModelFiles

extension EditMethod {
  /// FT-M, fine-tuning of one weight on the targets' tokens alone, nowhere held back: KnowEdit's plain baseline.
  ///
  /// FT-L without its box, at a later layer: the loss is masked but for the target's tokens, each asked for at its own position.
  ///
  /// - Source: arXiv:2401.01286; zjunlp/EasyEdit, `models/ft/ft_main.py` with `objective_optimization: target_new`, and
  ///   `hparams/FT-M`: layer 21 of GPT-J 6B and Llama 2 7B, Adam at 5e-4, 25 passes at most, done at a loss of 1e-2.
  public static let ftm = EditMethod(
    name: "ft-m",
    summary:
      "trains one layer's weight on the targets' tokens, nowhere held back; takes neither statistics nor subjects",
    optimizesValues: false, hasClosedForm: false, needsSubject: false, layers: .one,
    settings: RecipeSetting.common.union([.steps, .learningRate]),
    advice: "Try a larger --learning-rate, more --steps, or another of --layers.",
    editor: { TrainingEditor($0) },
    recipe: { recipe, model in
      // Two thirds of the depth are layer 21 of 32; at least one block must follow.
      let late = min(model.layerCount * 2 / 3, max(model.layerCount - 2, 0))
      recipe.layers = [late]
      recipe.source = "derived from the model's size"
      recipe.gradients.bound = .infinity
      // 5e-4 is published for keys of 11 to 16 thousand entries; seen to work for 256 entries: 2e-3.
      recipe.gradients.learningRate = max(5e-4, 0.5 / Double(model.keyWidth))
    })
}
