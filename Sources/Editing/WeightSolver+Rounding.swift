internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// Quantized weights: their codes are chosen by the objective that the update minimizes.
extension WeightSolver {
  /// The share of a key's own energy that known keys count at least: methods that store values exactly say nothing of them, and
  /// codes cannot.
  private static let leastWeight = 0.01

  /// Chooses the codes of a weight, from the base's, and keeps them with the update.
  func choose(_ update: inout WeightUpdate) throws -> AwareRounding.Result {
    if let chosen = update.chosen { return chosen }
    guard let solution = update.solution else { preconditionFailure("an update was solved for") }
    let bytes = try model.file(of: update.tensor).read(
      update.tensor.byteCount, at: update.tensor.byteRange.lowerBound)
    let preserved: Matrix<Float>
    (preserved, update.momentDiagonal) = try self.preserved(update)
    let rounding = try AwareRounding(
      .factors(solution.factors), of: update.tensor, bytes: bytes, threads: options.threads)
    let objective = RoundingObjective(preserved: consume preserved, keys: Matrix(update.keys))
    do {
      let chosen = try rounding.round(keeping: consume objective)
      update.chosen = chosen
      return chosen
    } catch let error as PatchError { throw named(error, update) }
  }

  /// The weight in another type, where that is asked for.
  func promoted(_ update: inout WeightUpdate) throws -> [UInt8]? {
    guard promotion != .keep, let solution = update.solution else { return nil }
    if let promoted = update.promoted { return promoted.bytes }
    let type = promotion.elementType(for: update.tensor.elementType)
    let bytes = try model.file(of: update.tensor).read(
      update.tensor.byteCount, at: update.tensor.byteRange.lowerBound)
    do {
      let edited = try update.tensor.promoted(
        Matrix<Float>(solution.factors.product()), bytes: bytes, to: type)
      update.promoted = (type, edited)
      return edited
    } catch let error as PatchError { throw named(error, update) }
  }

  /// The same for a change that was trained: what else the weight is asked for is not known, so it counts as it is.
  ///
  /// - Parameters:
  ///   - change: `[outputWidth × inputWidth]`
  ///   - keys: of the tokens trained on. `[tokens × inputWidth]`
  func choose(
    _ change: Matrix<Float>, of tensor: TensorInfo, _ bytes: [UInt8], keys: Matrix<Float>
  ) throws -> [UInt8] {
    let energies = (0..<keys.rows).map { Double(Array(keys.row($0)).sumOfSquares) }
    var preserved = Matrix<Float>(rows: keys.columns, columns: keys.columns)
    preserved.add(diagonal: Float(Self.leastWeight * energies.median))
    return try AwareRounding(.matrix(change), of: tensor, bytes: bytes, threads: options.threads)
      .round(keeping: RoundingObjective(preserved: preserved, keys: keys)).bytes
  }

  /// The part of H that is not the edits' own, and the diagonal of the second moment.
  ///
  ///     MEMIT, PMET:   λC      (the update's own objective)
  ///     ROME, EMMET:   λC with λ a hundredth of a key's energy kᵀC⁻¹k, for they ask for exact values
  ///     AlphaEdit:     L₂I + μC, with μ a hundredth of the width: what its projection forbids costs what it does to known keys
  ///     without C:     ρI, at least a hundredth of a key's energy
  private func preserved(_ update: WeightUpdate) throws -> (Matrix<Float>, diagonal: Matrix<Double>?) {
    let energy = Self.leastWeight * update.keyEnergies.median
    let width = update.keys.columns
    switch settings.metric {
    case .identity:
      var matrix = Matrix<Float>(rows: width, columns: width)
      matrix.add(diagonal: Float(max(settings.effectiveRidge, energy)))
      return (matrix, nil)
    case .inverseSecondMoment:
      return try moment(of: update, times: max(settings.effectiveRidge, energy))
    case .nullSpaceProjection:
      var both = try moment(of: update, times: Self.leastWeight * Double(width))
      both.0.add(diagonal: Float(settings.ridge))
      return both
    }
  }

  /// A multiple of C, or of what stands for it, and C's diagonal.
  private func moment(
    of update: WeightUpdate, times factor: Double
  ) throws -> (Matrix<Float>, diagonal: Matrix<Double>?) {
    let weight = update.tensor.name
    if let sketch = try sketch?(weight) {
      var matrix = Matrix<Float>(rows: sketch.columns, columns: sketch.columns)
      for index in 0..<sketch.columns { matrix[index, index] = Float(factor * sketch[0, index]) }
      return (matrix, sketch)
    }
    guard let statistics else { throw EditError.methodNeedsSecondMoment(method: settings.method) }
    let moment = try statistics.secondMoment(of: weight)
    let scale = 1 / Double(moment.tokenCount)
    let diagonal = moment.sum.diagonal.map { $0 * scale }
    var matrix = Matrix<Float>(moment.sum)
    matrix.scale(by: Float(factor * scale))
    return (matrix, Matrix(rows: 1, columns: diagonal.count, elements: diagonal))
  }
}

extension [Double] {
  /// The middle one; 0 of none.
  fileprivate var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}

extension Matrix<Float> {
  fileprivate mutating func add(diagonal value: Float) {
    for index in 0..<rows { self[index, index] += value }
  }
}
