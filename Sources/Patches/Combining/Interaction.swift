internal import LinearAlgebra

extension PatchCombination {
  /// How far two updates of one tensor get into each other's way.
  public struct Interaction: Sendable {
    /// Full name of the tensor.
    public let tensor: String
    /// The two patches.
    public let patches: [String]
    /// ⟨Δ₁, Δ₂⟩ / (‖Δ₁‖ ‖Δ₂‖); `nil` where one of them is zero.
    public let updateCosine: Double?
    /// The largest cosine between an input direction that one update reads and one that the other reads: 0 when they never
    /// see the same key, 1 when some key moves both; `nil` where one of them is zero.
    public let keyCosine: Double?
  }
}

extension PatchCombination.Interaction {
  init(
    tensor: String, _ firstPatch: String, _ first: LowRankFactors, _ secondPatch: String,
    _ second: LowRankFactors
  ) throws {
    self.tensor = tensor
    patches = [firstPatch, secondPatch]
    // ⟨L₁R₁, L₂R₂⟩ = tr(L₁ᵀL₂ · R₂R₁ᵀ), without forming either update.
    let lefts = first.left.times(second.left, transposed: true)
    let rights = first.right.times(second.right, otherTransposed: true)
    let norms = first.frobeniusNorm * second.frobeniusNorm
    guard norms > 0, norms.isFinite else {
      (updateCosine, keyCosine) = (nil, nil)
      return
    }
    updateCosine = lefts.elements.dot(rights.elements) / norms
    let spaces = ThinQR(first.right.transposed()).q.times(
      ThinQR(second.right.transposed()).q, transposed: true)
    let largest = try SymmetricEigen(of: spaces.rowGram()).values.max() ?? 0
    keyCosine = min(1, max(0, largest).squareRoot())
  }
}
