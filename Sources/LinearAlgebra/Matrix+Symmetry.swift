extension Matrix {
  /// Replaces A by (A + Aᵀ) / 2 and says how far they were apart.
  ///
  /// - Returns: the worst pair, with |A_ij − A_ji| / √(A_ii A_jj); infinite where the diagonal is not positive.
  @inlinable @discardableResult
  public mutating func symmetrize() -> (row: Int, column: Int, relativeDifference: Scalar) {
    let scale = diagonal.map { $0 > 0 ? $0.squareRoot() : 0 }
    var worst = (row: 0, column: 0, relativeDifference: Scalar(0))
    forEachMirroredPair { lower, upper, i, j in
      guard lower != upper else { return }
      let difference = (lower - upper).magnitude
      if difference > worst.relativeDifference * scale[i] * scale[j] {
        worst = (i, j, difference / (scale[i] * scale[j]))
      }
      lower = (lower + upper) / 2
      upper = lower
    }
    return worst
  }

  /// Copies the lower triangle onto the upper one.
  @inlinable public mutating func mirrorLower() {
    forEachMirroredPair { lower, upper, _, _ in upper = lower }
  }

  /// Copies the upper triangle onto the lower one.
  @inlinable public mutating func mirrorUpper() {
    forEachMirroredPair { lower, upper, _, _ in lower = upper }
  }

  /// Visits the pairs (A_ij, A_ji) with j < i, tile by tile: row by row, each A_ji would be a cache miss.
  @inlinable mutating func forEachMirroredPair(
    _ body: (_ lower: inout Scalar, _ upper: inout Scalar, _ row: Int, _ column: Int) -> Void
  ) {
    precondition(isSquare, "only a square matrix is symmetric")
    let order = rows
    withUnsafeMutableBufferPointer { elements in
      // SAFETY: j < i < order, so both indices stay below order², the count, and never meet.
      for top in stride(from: 0, to: order, by: Self.tile) {
        for left in stride(from: 0, through: top, by: Self.tile) {
          for i in top..<min(top + Self.tile, order) {
            for j in left..<max(left, min(left + Self.tile, i)) {
              body(&elements[i * order + j], &elements[j * order + i], i, j)
            }
          }
        }
      }
    }
  }
}
