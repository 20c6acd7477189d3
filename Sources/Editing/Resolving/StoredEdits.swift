internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// The edits of one weight as a patch carries them: all that solving again takes.
///
///     G = K (QK)ᵀ,   Δ = Rᵀ (G + ρI)⁻¹ QK
struct StoredEdits {
  /// K. `[edits × inputWidth]`
  var keys: Matrix<Double>
  /// QK. `[edits × inputWidth]`
  var directions: Matrix<Double>
  /// R. `[edits × outputWidth]`
  var residuals: Matrix<Double>
  /// What stands for the second moment where codes are chosen again: its diagonal. `[1 × inputWidth]`
  var moment: Matrix<Double>?

  static let valuesName = "values"
  static let startsName = "starts"
  private static let keysSuffix = ".keys"
  private static let directionsSuffix = ".directions"
  private static let residualsSuffix = ".residuals"
  static let momentSuffix = ".moment"

  init(keys: Matrix<Double>, directions: Matrix<Double>, residuals: Matrix<Double>) {
    self.keys = keys
    self.directions = directions
    self.residuals = residuals
  }

  /// What a patch carries of a weight.
  init?(of weight: String, in patch: PatchFile) throws {
    guard let keys = try patch.resolveMatrix(weight + Self.keysSuffix),
      let directions = try patch.resolveMatrix(weight + Self.directionsSuffix),
      let residuals = try patch.resolveMatrix(weight + Self.residualsSuffix),
      directions.rows == keys.rows, directions.columns == keys.columns, residuals.rows == keys.rows
    else { return nil }
    self.init(keys: keys, directions: directions, residuals: residuals)
    moment = try patch.resolveMatrix(weight + Self.momentSuffix).flatMap {
      $0.rows == 1 && $0.columns == keys.columns ? $0 : nil
    }
  }

  func write(of weight: String, to writer: PatchWriter) throws {
    try writer.append(resolving: weight + Self.keysSuffix, keys)
    try writer.append(resolving: weight + Self.directionsSuffix, directions)
    try writer.append(resolving: weight + Self.residualsSuffix, residuals)
    if let moment { try writer.append(resolving: weight + Self.momentSuffix, moment) }
  }

  /// Some of the edits.
  func selecting(_ rows: [Int]) -> StoredEdits {
    var selected = self
    selected.keys = keys.selecting(rows: rows)
    selected.directions = directions.selecting(rows: rows)
    selected.residuals = residuals.selecting(rows: rows)
    return selected
  }

  /// Solves with an effective ridge ρ.
  ///
  /// - Parameter isInverseMoment: whether Q = C⁻¹, so that tr(ΔCΔᵀ) can be told.
  func solve(ridge: Double, isInverseMoment: Bool) throws -> UpdateSolution {
    var gram = keys.times(directions, otherTransposed: true)
    _ = gram.symmetrize()
    let system = try RegularizedSystem(gram: gram, ridge: ridge)
    var right = directions
    system.solve(&right, vectors: .columns)
    let factors = LowRankFactors(left: residuals.transposed(), right: right).compressed()
    let stored = keys.times(factors.right, otherTransposed: true).times(factors.left, otherTransposed: true)
    let edits = (0..<keys.rows).map { edit in
      EditReport(got: Array(stored.row(edit)), wanted: Array(residuals.row(edit)))
    }
    // tr(ΔCΔᵀ) = tr(Rᵀ S⁻¹ G S⁻¹ R), for QCQ = Q.
    var shares = residuals
    system.solve(&shares, vectors: .columns)
    let loss = isInverseMoment ? gram.times(shares).elements.dot(shares.elements) : nil
    return UpdateSolution(
      factors: factors, edits: edits, updateNorm: factors.frobeniusNorm, preservationLoss: loss,
      effectiveRidge: ridge, jitter: system.jitter, condition: system.condition, form: .dual, warnings: [])
  }
}
