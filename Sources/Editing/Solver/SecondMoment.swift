public import LinearAlgebra

/// The second moment of the inputs of a weight, not centered: C = (1/T) Σ k kᵀ over T tokens of ordinary text.
///
/// It is kept as the sum and the count, so that shards add up exactly.
public struct SecondMoment: Sendable {
  /// Σ k kᵀ, symmetric. `[inputWidth × inputWidth]`
  public private(set) var sum: Matrix<Double>
  /// T.
  public let tokenCount: Int

  /// How far a sum may be from symmetric, relative to √(C_ii C_jj): beyond what `Float` sums of 10⁷ tokens lose.
  private static let symmetryTolerance = 1e-3

  /// Checks a sum as read from a file, and makes it symmetric to the last bit.
  ///
  /// - Parameter sum: Σ k kᵀ; hand it on with `consume`, and no copy is made. `[inputWidth × inputWidth]`
  public init(sum: consuming Matrix<Double>, tokenCount: Int) throws {
    guard sum.isSquare else { throw EditError.secondMomentNotSquare(rows: sum.rows, columns: sum.columns) }
    guard tokenCount > 0 else { throw EditError.noTokens(tokenCount: tokenCount) }
    if let (row, column) = sum.firstNonFinite() {
      throw EditError.nonFiniteSecondMoment(row: row, column: column)
    }
    let diagonal = sum.diagonal
    if let index = diagonal.firstIndex(where: { $0 < 0 }) {
      throw EditError.negativeSecondMoment(index: index, value: diagonal[index] / Double(tokenCount))
    }
    let worst = sum.symmetrize()
    guard worst.relativeDifference <= Self.symmetryTolerance else {
      throw EditError.secondMomentNotSymmetric(
        row: worst.row, column: worst.column, relativeDifference: worst.relativeDifference)
    }
    self.sum = sum
    self.tokenCount = tokenCount
  }

  /// The length of a key.
  public var inputWidth: Int { sum.rows }

  /// Indices i with C_ii ≤ 1e-12 of the mean of the diagonal: inputs that were never active.
  public var deadUnits: [Int] {
    let diagonal = sum.diagonal
    let limit = 1e-12 * diagonal.reduce(0, +) / Double(max(diagonal.count, 1))
    return diagonal.indices.filter { diagonal[$0] <= limit }
  }

  /// Hands over the only reference to the sum, so that a factorization can work in its storage.
  mutating func takeSum() -> Matrix<Double> {
    var taken = Matrix<Double>(rows: 0, columns: 0)
    swap(&taken, &sum)
    return taken
  }
}
