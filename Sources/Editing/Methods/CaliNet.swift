internal import ModelFiles

extension EditMethod {
  /// CaliNet, arXiv:2210.03329: a number of neurons beside a late layer's, trained on all facts together.
  ///
  /// - Source: dqxiu/CaliNet, `src/modeling_t5.py`: 64 neurons in layer 11 of 12, nothing that keeps them quiet. The losses of being quiet have a
  ///   meaning for neurons that are to fire at known tokens only, so they do not count here.
  public static let caliNet = EditMethod(
    name: "calinet",
    summary:
      "puts 64 neurons into idle places of the last layer, trained on all facts together (--widen: beside them all); takes --corpus, no subjects",
    optimizesValues: false, hasClosedForm: false, readsText: true, needsSubject: false, layers: .one,
    settings: RecipeSetting.common.union([.steps, .learningRate, .neuronCount, .widen]),
    advice: "Try more --steps, or a larger --learning-rate.",
    editor: { AddedNeuronEditor($0, .drawn) },
    recipe: { recipe, model in
      recipe.layers = [max(model.layerCount - 1, 0)]
      recipe.gradients.steps = 200
      recipe.gradients.learningRate = 1e-2
      recipe.neurons.count = min(64, max(1, model.keyWidth / 8))
      recipe.neurons.memoryWeight = 0
    })
}
