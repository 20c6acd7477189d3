/// How an update is solved for: a method and the numbers it leaves open.
public struct UpdateSettings: Equatable, Sendable {
  /// The method, which fixes Q, ρ and M but for the numbers below.
  public var method: EditMethod

  /// λ, weight of the second moment against the new keys. AlphaEdit has no use for it.
  public var secondMomentWeight: Double

  /// ρ, added to the diagonal of MᵀQM where Q = (λC)⁻¹, or Q = P for AlphaEdit (its L2).
  public var ridge: Double

  /// Which directions count as unused by the model; only for AlphaEdit.
  public var nullSpaceThreshold: NullSpaceThreshold = .absolute(2e-2)

  /// Whether known keys are kept in place at all; if not, Q = I.
  public var usesSecondMoment = true

  /// Which of two equal systems is solved.
  public var form: SolveForm = .automatic

  /// The published settings of a method.
  public init(method: EditMethod) {
    self.method = method
    secondMomentWeight = method.traits.secondMomentWeight
    ridge = method.traits.ridge
    usesSecondMoment = method.traits.metric != .identity
  }

  /// ρ against Q = C⁻¹: (Mᵀ(λC)⁻¹M + ρI)⁻¹ Mᵀ(λC)⁻¹ = (MᵀC⁻¹M + λρI)⁻¹ MᵀC⁻¹.
  ///
  /// Hence EMMET with weight w and ridge ε is MEMIT with weight wε.
  public var effectiveRidge: Double {
    metric == .nullSpaceProjection ? ridge : secondMomentWeight * ridge
  }

  /// The metric a solver of these settings needs.
  public var metric: MetricKind {
    usesSecondMoment ? method.traits.metric : .identity
  }

  func validate() throws {
    guard usesSecondMoment || method.traits.metric != .nullSpaceProjection else {
      throw EditError.methodNeedsSecondMoment(method: method)
    }
    guard secondMomentWeight.isFinite, secondMomentWeight > 0 else {
      throw EditError.invalidSecondMomentWeight(secondMomentWeight)
    }
    guard ridge.isFinite, ridge >= 0 else { throw EditError.invalidRidge(ridge) }
    guard form != .primal || effectiveRidge > 0 else { throw EditError.primalFormNeedsRidge(method: method) }
  }
}

/// Which of two equal systems is solved: Y(YᵀY + ρI)⁻¹ = (YYᵀ + ρI)⁻¹Y.
public enum SolveForm: String, CaseIterable, Sendable {
  /// Whichever takes fewer operations.
  case automatic
  /// One row per key: small for few edits.
  case dual
  /// One row per input of the weight: small for many edits. Needs a ridge.
  case primal
}
