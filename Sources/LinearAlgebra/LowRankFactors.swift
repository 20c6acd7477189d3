/// A matrix of small rank, held as its two factors: Δ = left · right.
public struct LowRankFactors: Equatable, Sendable {
  /// `[outputWidth × rank]`
  public let left: Matrix<Double>
  /// `[rank × inputWidth]`
  public let right: Matrix<Double>

  /// Joins two factors of one inner size.
  public init(left: Matrix<Double>, right: Matrix<Double>) {
    precondition(left.columns == right.rows, "the factors must share their inner size")
    self.left = left
    self.right = right
  }

  /// Rows of Δ.
  public var outputWidth: Int { left.rows }
  /// Columns of Δ.
  public var inputWidth: Int { right.columns }
  /// The inner size, an upper bound of the rank of Δ.
  public var rank: Int { right.rows }

  /// Δ itself. `[outputWidth × inputWidth]`
  public func product() -> Matrix<Double> { left.times(right) }

  /// ‖Δ‖_F without forming Δ.
  ///
  /// With right = L Q and Q orthonormal it is ‖left · L‖_F. The trace of (leftᵀ left)(right rightᵀ) would be
  /// cheaper and loses half the digits where large rows of `right` cancel.
  public var frobeniusNorm: Double {
    let factors = compressed()
    guard factors.rank <= factors.inputWidth else { return factors.product().frobeniusNorm }
    return factors.left.times(ThinLQ.lower(of: factors.right)).frobeniusNorm
  }

  /// The same Δ with rank at most min(outputWidth, inputWidth); itself where that already holds.
  public func compressed() -> LowRankFactors {
    guard rank > min(outputWidth, inputWidth) else { return self }
    if outputWidth <= inputWidth {
      let lq = ThinLQ(left)
      return LowRankFactors(left: lq.l, right: lq.q.times(right))
    }
    let qr = ThinQR(right)
    return LowRankFactors(left: left.times(qr.q), right: qr.r)
  }
}
