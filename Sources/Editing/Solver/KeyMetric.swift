public import LinearAlgebra

/// The kinds of Q in which a method measures keys.
public enum MetricKind: String, Sendable {
  /// Q = C⁻¹.
  case inverseSecondMoment
  /// Q = P, the projection onto the directions that known keys hardly use.
  case nullSpaceProjection
  /// Q = I.
  case identity
}

/// The metric Q in which a method measures keys, held as a factor: Q = HᵀH.
///
/// The solver needs no more than H, for Y = HM gives MᵀQM = YᵀY, symmetric and positive by construction, and
/// QM = HᵀY. Q itself is never formed.
public protocol KeyMetric: Sendable {
  var kind: MetricKind { get }

  /// Columns of H: the length of a key.
  var inputWidth: Int { get }

  /// Rows of H.
  var reducedWidth: Int { get }

  /// Inputs that were never active in the statistics.
  var deadUnits: [Int] { get }

  /// Replaces each row k by Hk. `[count × inputWidth]` → `[count × reducedWidth]`
  func reduce(_ keys: consuming Matrix<Double>) -> Matrix<Double>

  /// Replaces each row y by Hᵀy. `[count × reducedWidth]` → `[count × inputWidth]`
  func expand(_ reduced: consuming Matrix<Double>) -> Matrix<Double>

  /// tr(Δ C Δᵀ), what an update costs known keys; `nil` where no second moment is known.
  ///
  /// - Parameters:
  ///   - update: Δ, with right factor Z H. `[outputWidth × inputWidth]`
  ///   - reduced: the same left factor with right factor Z. `[outputWidth × reducedWidth]`
  func preservationLoss(update: LowRankFactors, reduced: LowRankFactors) -> Double?

  /// The same of an update whose right factor is known alone; it must be one that the metric allows.
  func preservationLoss(of update: LowRankFactors) -> Double?
}

/// Q = I: keys count as they are, and nothing is known about others.
public struct IdentityMetric: KeyMetric {
  /// The length of a key.
  public let inputWidth: Int

  /// The metric for keys of this length.
  public init(inputWidth: Int) { self.inputWidth = inputWidth }

  /// Q = I.
  public var kind: MetricKind { .identity }
  /// The same length: H = I.
  public var reducedWidth: Int { inputWidth }
  /// None is known.
  public var deadUnits: [Int] { [] }

  /// The keys themselves.
  public func reduce(_ keys: consuming Matrix<Double>) -> Matrix<Double> { keys }
  /// The rows themselves.
  public func expand(_ reduced: consuming Matrix<Double>) -> Matrix<Double> { reduced }
  /// None is known.
  public func preservationLoss(update: LowRankFactors, reduced: LowRankFactors) -> Double? { nil }
  /// None is known.
  public func preservationLoss(of update: LowRankFactors) -> Double? { nil }
}

extension UpdateSettings {
  /// The metric of these settings for a layer. Make it once: its cost is that of many solves.
  ///
  /// - Parameter secondMoment: hand it on with `consume`, and its storage is used.
  public func makeMetric(from secondMoment: consuming SecondMoment) throws -> any KeyMetric {
    switch metric {
    case .inverseSecondMoment: try SecondMomentFactorization(secondMoment)
    case .nullSpaceProjection: try NullSpace(secondMoment, threshold: nullSpaceThreshold)
    case .identity: IdentityMetric(inputWidth: secondMoment.inputWidth)
    }
  }

  /// The same, with tr(W C Wᵀ) of the weight; where the factor of C is at hand, C itself is not needed twice.
  func makeMetric(from moment: consuming SecondMoment, measuring rows: WeightRows) throws -> MetricCache.Made
  {
    switch metric {
    case .inverseSecondMoment:
      let factorization = try SecondMomentFactorization(moment)
      return .init(
        metric: factorization,
        preservationScale: try rows.sum { factorization.quadraticForm(ofRows: $0) })
    case .nullSpaceProjection:
      let scale = try rows.sum { moment.quadraticForm(ofRows: $0) }
      return .init(
        metric: try NullSpace(moment, threshold: nullSpaceThreshold), preservationScale: scale)
    case .identity:
      return .init(metric: IdentityMetric(inputWidth: moment.inputWidth), preservationScale: nil)
    }
  }
}
