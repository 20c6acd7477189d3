internal import LinearAlgebra

extension PatchCombination {
  /// How far two updates of one tensor get into each other's way.
  public struct Interaction: Sendable {
    /// Full name of the tensor.
    public let tensor: String
    /// ⟨Δ₁, Δ₂⟩ / (‖Δ₁‖ ‖Δ₂‖).
    public let updateCosine: Double
    /// The largest cosine between an input direction that one update reads and one that the other reads: 0 when they never
    /// see the same key, 1 when some key moves both.
    public let keyCosine: Double
  }
}

extension PatchCombination.Interaction {
  init(tensor: String, _ first: LowRankFactors, _ second: LowRankFactors) throws {
    self.tensor = tensor
    // ⟨L₁R₁, L₂R₂⟩ = tr(L₁ᵀL₂ · R₂R₁ᵀ), without forming either update.
    let lefts = first.left.times(second.left, transposed: true)
    let rights = first.right.times(second.right, otherTransposed: true)
    updateCosine = lefts.elements.dot(rights.elements) / (first.frobeniusNorm * second.frobeniusNorm)
    let spaces = ThinQR(first.right.transposed()).q.times(
      ThinQR(second.right.transposed()).q, transposed: true)
    keyCosine = max(0, try SymmetricEigen(of: spaces.rowGram()).values.max() ?? 0).squareRoot()
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
