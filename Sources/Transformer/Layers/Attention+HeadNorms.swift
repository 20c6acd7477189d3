extension Attention {
  /// Puts each head's query and key through its norm.
  ///
  /// - Returns: a copy of the projections as they were, for the backward pass.
  func scaleHeads(of projected: Rows, by norms: HeadNorms, work: Work) -> Rows {
    let unscaled = work.pool.rows(projected.count, projected.width)
    work.forRows(projected.count, cost: 6 * projected.width) { rows in
      for row in rows {
        let (source, copy) = (projected.row(row), unscaled.row(row))
        copy.update(from: source, count: projected.width)
        for head in 0..<shape.headCount {
          norms.query.scale(copy + shape.query(head), into: source + shape.query(head))
        }
        for head in 0..<shape.keyValueHeadCount {
          norms.key.scale(copy + shape.key(head), into: source + shape.key(head))
        }
      }
    }
    return unscaled
  }

  /// Turns gradients of scaled queries and keys into those of the projections.
  func unscaleHeads(_ gradients: Rows, of unscaled: Rows, by norms: HeadNorms, work: Work) {
    let width = shape.headWidth
    work.forRows(gradients.count, cost: 10 * gradients.width) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { before in
        // SAFETY: a head is `width` long in gradients, projections and the norm's weight.
        guard let before = before.baseAddress else { return }
        func unscale(_ norm: Norm, at column: Int, row: Int) {
          let gradient = gradients.row(row) + column
          before.update(repeating: 0, count: width)
          norm.addGradient(unscaled.row(row) + column, gradient, to: before)
          gradient.update(from: before, count: width)
        }
        for row in rows {
          for head in 0..<shape.headCount { unscale(norms.query, at: shape.query(head), row: row) }
          for head in 0..<shape.keyValueHeadCount { unscale(norms.key, at: shape.key(head), row: row) }
        }
      }
    }
  }
}
