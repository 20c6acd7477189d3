internal import Editing
internal import ModelFiles

/// A number of a recipe that a search varies, and where to: a row of `all`.
struct RecipeMove: Sendable {
  /// What is changed.
  let setting: RecipeSetting
  /// The values to be tried beside the present one.
  let values: @Sendable (EditRecipe, _ layerCount: Int) -> [JSONValue]

  /// In the order in which they are tried: what costs little first. λ and the distribution leave the values as they are.
  static let all = [
    RecipeMove(setting: .secondMomentWeight) { recipe, _ in
      [0.1, 1 / 3.0, 3, 10].map { .number(recipe.update.secondMomentWeight * $0) }
    },
    RecipeMove(setting: .ridge) { recipe, _ in
      // Without one there is nothing to multiply.
      recipe.update.ridge > 0 && recipe.update.metric == .nullSpaceProjection
        ? [0.1, 10].map { .number(recipe.update.ridge * $0) } : []
    },
    RecipeMove(setting: .spread) { recipe, _ in
      recipe.layers.count > 1 ? LayerSpread.all.filter { $0 != recipe.spread }.map { .string($0.name) } : []
    },
    RecipeMove(setting: .ownWordsWeight) { recipe, _ in
      recipe.values.ownWordsWeight > 0
        ? [0.3, 3].map { .number(recipe.values.ownWordsWeight * $0) } : [.number(0.3), .number(1)]
    },
    RecipeMove(setting: .clamp) { recipe, _ in [0.5, 2].map { .number(recipe.values.clamp * $0) } },
    RecipeMove(setting: .layers) { recipe, count in
      let step = max(1, count / 10)
      return [-step, step].map { by in recipe.layers.map { $0 + by } }
        .filter { $0[0] >= 0 && $0[$0.count - 1] < count - 1 }.map { .array($0.map { .integer($0) }) }
    },
    RecipeMove(setting: .learningRate) { recipe, _ in [1 / 3.0, 3].map { .number(recipe.learningRate * $0) }
    },
    RecipeMove(setting: .bound) { recipe, _ in
      recipe.gradients.bound.isFinite ? [1 / 3.0, 3].map { .number(recipe.gradients.bound * $0) } : []
    },
    RecipeMove(setting: .steps) { recipe, _ in [.integer(recipe.steps * 2)] },
  ]
}
