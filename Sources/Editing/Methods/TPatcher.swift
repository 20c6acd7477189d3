internal import ModelFiles

extension EditMethod {
  /// T-Patcher, arXiv:2301.09785: a neuron for each token that the model would not say, trained to fire there and nowhere else.
  public static let tPatcher = EditMethod(
    name: "t-patcher", otherNames: ["tpatcher"],
    summary:
      "puts a neuron for each wrong token into an idle place of the last layer, trained to fire there alone (--widen: beside them all); takes --corpus, no subjects",
    optimizesValues: false, hasClosedForm: false, readsText: true, needsSubject: false, layers: .one,
    settings: RecipeSetting.common.union([.steps, .learningRate, .memoryWeight, .widen]),
    advice: "Try more --steps, or a larger --learning-rate.",
    editor: { AddedNeuronEditor($0, .forTokens) },
    recipe: { recipe, model in
      recipe.layers = [max(model.layerCount - 1, 0)]
      recipe.gradients.steps = 200
      recipe.gradients.learningRate = 1e-2
    })
}
