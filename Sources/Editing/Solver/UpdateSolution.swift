public import LinearAlgebra

/// An update, and what it does.
public struct UpdateSolution: Sendable {
  /// Δ. `[outputWidth × rank]` and `[rank × inputWidth]`
  public let factors: LowRankFactors
  /// One report per edit, in the order of the keys.
  public let edits: [EditReport]
  /// ‖Δ‖_F.
  public let updateNorm: Double
  /// tr(Δ C Δᵀ), the mean squared change of known outputs; `nil` where no second moment is known.
  public let preservationLoss: Double?
  /// The ridge on MᵀQM with Q = C⁻¹ or P: λρ, or AlphaEdit's L2.
  public let effectiveRidge: Double
  /// The jitter of the solved system, relative to its diagonal. That of C stands in its factorization.
  public let jitter: Double
  /// Estimated condition number of the solved system, scaled to a unit diagonal.
  public let condition: Double
  /// The form that was solved, never `.automatic`.
  public let form: SolveForm
  /// What the user should know before trusting the update.
  public let warnings: [UpdateWarning]
  /// Whether a system was solved for it; else its ridge, jitter and condition are none.
  var isSolved = true
}

extension UpdateSolution {
  /// An update that was written down without a system of keys.
  static func written(_ factors: LowRankFactors) -> UpdateSolution {
    UpdateSolution(
      factors: factors, edits: [], updateNorm: factors.frobeniusNorm, preservationLoss: nil,
      effectiveRidge: 0,
      jitter: 0, condition: 1, form: .dual, warnings: [], isSolved: false)
  }

  /// The same update, told of otherwise.
  func reporting(_ edits: [EditReport], warnings: [UpdateWarning]) -> UpdateSolution {
    UpdateSolution(
      factors: factors, edits: edits, updateNorm: updateNorm, preservationLoss: preservationLoss,
      effectiveRidge: effectiveRidge, jitter: jitter, condition: condition, form: form, warnings: warnings)
  }
}

/// What became of one edit.
public struct EditReport: Equatable, Sendable {
  /// ‖Δk − r‖ / ‖r‖: 0 where the value is stored exactly.
  public let memorizationError: Double
  /// ⟨Δk, r⟩ / ⟨r, r⟩: 1 where the value is stored in full, 0 where not at all.
  public let writtenFraction: Double

  /// Compares what an update does to a key with what it should; an edit that asks for nothing gets it.
  init(got: [Double], wanted: [Double]) {
    let size = wanted.sumOfSquares
    let missing = zip(got, wanted).map { $0 - $1 }
    memorizationError = size > 0 ? (missing.sumOfSquares / size).squareRoot() : 0
    writtenFraction = size > 0 ? got.dot(wanted) / size : 1
  }
}

/// Something in the inputs that weakens an update without making it wrong. Edits are counted from 0.
public enum UpdateWarning: Equatable, Sendable {
  /// Inputs never active in the statistics; an inverse second moment leaves them alone.
  case deadUnits(count: Int)
  /// Fewer tokens of the text went through an expert than its keys are long: what else it is used for is hardly known.
  case rareExpert(reached: Int, width: Int)
  /// The method knows no earlier keys; these were not used.
  case earlierKeysIgnored(count: Int)
  /// The second edit repeats the first, key and residual, and was left out of the solve.
  case repeatedEdit(first: Int, second: Int)
  /// Two edits share a key: each gets about half of what it asks for.
  case duplicateKeys(first: Int, second: Int, cosine: Double)
  /// Two keys are nearly parallel: look at the condition.
  case nearParallelKeys(first: Int, second: Int, cosine: Double)
  /// A key is parallel, or nearly so, to one of an earlier edit, which it weakens.
  case parallelToEarlierKey(edit: Int, earlierKey: Int, cosine: Double)
  /// The keys span fewer directions than there are edits: solved in least squares.
  case rankDeficient(rank: Int, keys: Int)
}
