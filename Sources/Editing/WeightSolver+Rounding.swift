internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// Quantized weights: their codes are chosen by the objective that the update minimizes.
extension WeightSolver {
  /// Chooses the codes of a weight, from the base's, and keeps them with the update.
  func choose(_ update: inout WeightUpdate) throws -> AwareRounding.Result {
    if let chosen = update.chosen { return chosen }
    guard let solution = update.solution else { preconditionFailure("an update was solved for") }
    let bytes = try model.file(of: update.tensor).read(
      update.tensor.byteCount, at: update.tensor.byteRange.lowerBound)
    update.momentDiagonal = try update.momentDiagonal ?? momentDiagonal(of: update.tensor.name)
    var preservation = RoundingPreservation(settings, energies: update.keyEnergies)
    preservation.moment = update.momentDiagonal?.elements
    let rounding = try AwareRounding(
      .factors(solution.factors), of: update.tensor, bytes: bytes, threads: options.threads)
    let objective = RoundingObjective(
      diagonal: preservation.diagonal(width: update.keys.columns), keys: Matrix(update.keys))
    do {
      let chosen = try rounding.round(keeping: objective)
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
    let preservation = RoundingPreservation(energies: energies)
    return try AwareRounding(.matrix(change), of: tensor, bytes: bytes, threads: options.threads)
      .round(
        keeping: RoundingObjective(diagonal: preservation.diagonal(width: keys.columns), keys: keys)
      ).bytes
  }

  /// The diagonal of C, or what stands for it; `nil` for methods that go without. `[1 × inputWidth]`
  func momentDiagonal(of weight: String) throws -> Matrix<Double>? {
    guard settings.metric != .identity else { return nil }
    if let sketch = try sketch?(weight) { return sketch }
    guard let statistics else { throw EditError.methodNeedsSecondMoment(method: settings.method) }
    let diagonal = try statistics.secondMomentDiagonal(of: weight)
    return Matrix(rows: 1, columns: diagonal.count, elements: diagonal)
  }
}
