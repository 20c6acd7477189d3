internal import LinearAlgebra

/// What a weight is asked for beside the edits when its codes are chosen: the diagonal of P in H = P + Σ w k kᵀ.
///
///     MEMIT, PMET:   λ diag C        (of the update's own objective)
///     ROME, EMMET:   λ diag C with λ a hundredth of a key's energy kᵀC⁻¹k, for they ask for exact values
///     AlphaEdit:     L₂ + μ diag C, with μ a hundredth of the width: what its projection forbids costs what it does to known keys
///     without C:     ρ, at least a hundredth of a key's energy
///
/// Of C only the diagonal: codes that move one by one add noise that known keys see one input at a time, and what the rest of C says of
/// directions is in the update already. With all of C a rounded edit disturbs its neighbors more (Design/quantized.md, *Measured*).
struct RoundingPreservation {
  /// How the method measures keys.
  let metric: MetricKind
  /// λ or ρ against Q = C⁻¹; and AlphaEdit's L₂.
  let ridge: Double
  /// kᵀQk of each key.
  let energies: [Double]
  /// diag C, C = (1/T) Σ k kᵀ; `nil` where nothing is known of it.
  var moment: [Double]?

  /// The share of a key's own energy that known keys count at least: methods that store values exactly say nothing of them, and
  /// codes cannot.
  private static let leastShare = 0.01

  /// Of an edit with these settings.
  init(_ settings: UpdateSettings, energies: [Double]) {
    (metric, ridge) = (settings.metric, settings.effectiveRidge)
    self.energies = energies
  }

  /// Of a change that was trained, which says nothing of known keys.
  init(energies: [Double]) {
    (metric, ridge) = (.identity, 0)
    self.energies = energies
  }

  /// Whether the method weighs known keys by C.
  var usesMoment: Bool { metric != .identity }

  /// The diagonal of P. `[width]`
  func diagonal(width: Int) -> [Float] {
    let energy = Self.leastShare * energies.median
    let (factor, floor): (Double, Double) =
      switch metric {
      case .identity: (0, max(ridge, energy))
      case .inverseSecondMoment: (max(ridge, energy), 0)
      case .nullSpaceProjection: (Self.leastShare * Double(width), ridge)
      }
    // Without C the keys' own length stands for it.
    guard let moment else { return [Float](repeating: Float(max(floor, energy)), count: width) }
    return moment.map { Float(factor * $0 + floor) }
  }
}

extension [Double] {
  /// The middle one; 0 of none.
  fileprivate var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
