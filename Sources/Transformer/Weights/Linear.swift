/// A weight with its bias: y = x Wᵀ + b, W `[outputWidth × inputWidth]`.
struct Linear: Sendable {
  let matrix: StoredMatrix
  /// Whether W is stored as its transpose.
  let isInputMajor: Bool
  let bias: [Float]?

  var outputWidth: Int { isInputMajor ? matrix.columns : matrix.rows }
  var inputWidth: Int { isInputMajor ? matrix.rows : matrix.columns }

  /// y ← x Wᵀ + b, into columns of `y`.
  func forward(_ x: Rows, into y: Rows, at column: Int = 0, work: Work) {
    matrix.multiply(
      x, into: y, at: column, outputs: isInputMajor ? .columns : .rows, adding: false, bias: bias, work: work)
  }

  /// dx ← dy W, or dx + dy W: the gradient of the input, from columns of `dy`.
  func backward(_ dy: Rows, from column: Int = 0, into dx: Rows, adding: Bool, work: Work) {
    matrix.multiply(
      dy, from: column, into: dx, outputs: isInputMajor ? .rows : .columns, adding: adding, work: work)
  }
}
