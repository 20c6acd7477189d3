internal import Kernels

/// How what attention or MLP gives is added to the residual stream: as it is, or through a norm and a factor.
struct Addition: Sendable {
  /// The norm after the part; `nil` where there is none.
  var norm: Norm?
  /// What is added is multiplied by this.
  var factor: Float = 1

  /// Whether it is added as it is.
  var isPlain: Bool { norm == nil && factor == 1 }

  /// What is added, for each row: the same rows, changed, where no norm keeps them.
  func forward(_ output: Rows, work: Work) -> Rows {
    let rows = norm?.forward(output, work: work) ?? output
    scale(rows, work: work)
    return rows
  }

  /// The gradient of the part's output, given that of the stream: the same rows where it is added as it is.
  ///
  /// - Parameter output: what the part gave; needed where there is a norm.
  func backward(_ gradient: Rows, of output: Rows?, work: Work) -> Rows {
    if isPlain { return gradient }
    let scaled = gradient.copied(work: work)
    scale(scaled, work: work)
    guard let norm else { return scaled }
    guard let output else { preconditionFailure("a norm's gradient needs what went in") }
    let rows = work.pool.rows(gradient.count, gradient.width)
    rows.clear()
    norm.backward(output, scaled, into: rows, work: work)
    return rows
  }

  private func scale(_ rows: Rows, work: Work) {
    guard factor != 1 else { return }
    work.forRows(rows.count, cost: rows.width) { range in
      Kernel.scale(rows.row(range.lowerBound), by: factor, count: range.count * rows.width)
    }
  }
}
