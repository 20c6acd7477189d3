extension Attention {
  /// Where the vectors begin that go through the norm of queries, and of keys: heads, or all heads as one.
  private func places(_ norms: HeadNorms) -> (queries: [Int], keys: [Int]) {
    let isWhole = norms.query.weight.count != shape.headWidth || norms.key.weight.count != shape.headWidth
    return (
      isWhole ? [shape.query(0)] : (0..<shape.headCount).map(shape.query),
      isWhole ? [shape.key(0)] : (0..<shape.keyValueHeadCount).map(shape.key)
    )
  }

  /// Puts queries and keys through their norms.
  ///
  /// - Returns: a copy of the projections as they were, for the backward pass.
  func scaleHeads(of projected: Rows, by norms: HeadNorms, work: Work) -> Rows {
    let unscaled = work.pool.rows(projected.count, projected.width)
    let places = places(norms)
    work.forRows(projected.count, cost: 6 * projected.width) { rows in
      for row in rows {
        let (source, copy) = (projected.row(row), unscaled.row(row))
        copy.update(from: source, count: projected.width)
        for column in places.queries { norms.query.scale(copy + column, into: source + column) }
        for column in places.keys { norms.key.scale(copy + column, into: source + column) }
      }
    }
    return unscaled
  }

  /// Turns gradients of scaled queries and keys into those of the projections.
  func unscaleHeads(_ gradients: Rows, of unscaled: Rows, by norms: HeadNorms, work: Work) {
    let places = places(norms)
    let longest = max(norms.query.weight.count, norms.key.weight.count)
    work.forRows(gradients.count, cost: 10 * gradients.width) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: longest) { before in
        // SAFETY: what a norm takes is as long as its weight, in gradients and projections, too.
        guard let before = before.baseAddress else { return }
        func unscale(_ norm: Norm, at column: Int, row: Int) {
          let (gradient, width) = (gradients.row(row) + column, norm.weight.count)
          before.update(repeating: 0, count: width)
          norm.addGradient(unscaled.row(row) + column, gradient, to: before)
          gradient.update(from: before, count: width)
        }
        for row in rows {
          for column in places.queries { unscale(norms.query, at: column, row: row) }
          for column in places.keys { unscale(norms.key, at: column, row: row) }
        }
      }
    }
  }
}
