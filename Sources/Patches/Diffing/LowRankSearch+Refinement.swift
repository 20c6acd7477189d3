internal import LinearAlgebra

extension LowRankSearch {
  /// One pass of interval projection: every element bounds the update to the interval that rounds to the edited number; the
  /// present product, pushed into all intervals, is a better target than the difference itself.
  func refine(_ factors: LowRankFactors) throws -> LowRankFactors {
    let left = Matrix<Float>(factors.left)
    let right = Matrix<Float>(factors.right)
    let target: Target = { reader, rows in
      let present = left.selecting(rows: rows).times(right).elements
      let elements = present.indices.map { index -> Float in
        let edited = reader.after[index]
        let change = edited - reader.before[index]
        guard change.isFinite else { return 0 }
        let half = Float(
          sign: .plus, exponent: Int(max(edited.magnitude, 0x1p-100).exponent) - mantissaBits - 1,
          significand: 1)
        return min(max(present[index], change - half), change + half)
      }
      return Matrix(rows: rows.count, columns: columns, elements: elements)
    }
    let q = try basis(product(right, target))
    return try truncated(q, try projection(q, target)) { _ in factors.rank }
  }
}
