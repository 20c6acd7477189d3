internal import Floor
internal import LinearAlgebra

/// Low-rank updates of one tensor by patches of one base, to be added.
struct SiblingSum {
  let tensor: String
  let baseDigest: Digest
  private let parts: [(patch: String, shape: LowRankForm, update: LowRankFactors)]

  init(_ tensor: String, _ parts: [PatchCombination.Part]) throws {
    self.tensor = tensor
    baseDigest = parts[0].change.baseDigest
    self.parts = try parts.map { part in
      guard let own = part.change.lowRank, !own.hasDifference, !own.isAware else {
        throw PatchError.siblingsNotLowRank(tensor: tensor, patch: part.patch.path)
      }
      let update = try StoredFactors(of: own, tensor, in: part.patch).update(of: own.shape)
      // All as the first has it: the same matrix may be called one way round here and the other there.
      let isTurned = own.shape.orientation != parts[0].change.lowRank?.shape.orientation
      let turned =
        isTurned ? LowRankFactors(left: update.right.transposed(), right: update.left.transposed()) : update
      return (part.patch.path, own.shape, turned)
    }
  }

  var orientation: TensorChange.Orientation { parts[0].shape.orientation }

  /// The sum of all updates.
  func update() throws -> LowRankFactors {
    try parts.dropFirst().reduce(parts[0].update) { $0.adding($1.update) }.compressed()
  }

  /// Factors as fine as the finest of them, rounding as the first.
  var options: LowRankOptions {
    var options = LowRankOptions()
    options.factorType = parts.contains { $0.shape.factorType == .f32 } ? .f32 : .f16
    options.rounding = parts[0].shape.rounding
    return options
  }

  /// What there is to say about the rounding, where the parts do not agree.
  var roundingConflict: PatchCombination.RoundingConflict? {
    let others = parts.filter { $0.shape.rounding != options.rounding }.map(\.patch)
    guard !others.isEmpty else { return nil }
    return PatchCombination.RoundingConflict(tensor: tensor, used: options.rounding, others: others)
  }

  /// How far each two of the updates get into each other's way.
  func interactions() throws -> [PatchCombination.Interaction] {
    try parts.indices.flatMap { first in
      try parts.indices.dropFirst(first + 1).map { second in
        try PatchCombination.Interaction(
          tensor: tensor, parts[first].patch, parts[first].update, parts[second].patch, parts[second].update)
      }
    }
  }
}

extension LowRankFactors {
  /// Both updates together: components side by side.
  func adding(_ other: LowRankFactors) -> LowRankFactors {
    LowRankFactors(
      left: left.transposed().stacked(on: other.left.transposed()).transposed(),
      right: right.stacked(on: other.right))
  }
}
