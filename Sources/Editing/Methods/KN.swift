internal import ModelFiles

extension EditMethod {
  /// KN, knowledge neurons, arXiv:2104.08696: attribution finds neurons, and what these write is turned.
  public static let kn = EditMethod(
    name: "kn",
    summary:
      "finds the neurons that the present answer lies in, and lets them write the new one; for comparison alone: it stores little and harms other answers (ten facts on SmolLM2, each alone: none said, 13 % of the neighbors' answers kept); takes neither statistics nor subjects",
    optimizesValues: false, hasClosedForm: false, needsSubject: false, layers: .spread,
    settings: RecipeSetting.common.union([
      .like, .steps, .neuronThreshold, .neuronShare, .neuronErasing, .neuronWriting,
    ]),
    advice:
      "neurons hold few facts alone, and writing into them harms other answers: `errata trace --neurons` lists them. Another method stores more.",
    editor: { NeuronEditor($0) },
    recipe: { recipe, model in
      recipe.layers = Array(0..<model.layerCount)
      // Points of Gauss's rule; published are 20 of a left sum, which is farther off.
      recipe.gradients.steps = 10
    })
}
