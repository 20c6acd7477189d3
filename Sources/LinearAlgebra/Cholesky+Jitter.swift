extension Cholesky {
  /// Factors A + τI for the first τ of a ladder that makes it well conditioned.
  ///
  /// A failed attempt spoils only the lower triangle, so A is restored from its mirror in the upper one: the whole
  /// ladder takes no second matrix.
  ///
  /// - Parameters:
  ///   - matrix: A, both triangles equal and finite. Taken (left empty) on success, unchanged on failure.
  ///   - jitters: the ladder of τ, ascending, beginning with 0 where none may be needed.
  ///   - minimum: the reciprocal condition that a τ must reach.
  /// - Returns: the factor, its τ and its reciprocal condition, or `nil` when the whole ladder fails.
  public static func taking(
    _ matrix: inout Matrix<Scalar>, jitters: [Scalar], minimumReciprocalCondition minimum: (Scalar) -> Scalar
  ) -> (factor: Cholesky, jitter: Scalar, reciprocalCondition: Scalar)? {
    precondition(matrix.isSquare, "only a square matrix has a Cholesky factor")
    let diagonal = matrix.diagonal
    var attempt = Matrix<Scalar>(rows: 0, columns: 0)
    swap(&attempt, &matrix)
    for jitter in jitters {
      for i in diagonal.indices { attempt[i, i] = diagonal[i] + jitter }
      let oneNorm = oneNorm(of: attempt)
      if factor(&attempt) == 0 {
        let reached = reciprocalCondition(ofFactor: attempt, oneNorm: oneNorm)
        if reached >= minimum(jitter) {
          return (Cholesky(factor: attempt, oneNorm: oneNorm), jitter, reached)
        }
      }
      attempt.mirrorUpper()
    }
    for i in diagonal.indices { attempt[i, i] = diagonal[i] }
    swap(&attempt, &matrix)
    return nil
  }
}
