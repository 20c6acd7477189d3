internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// Weights that share a layer's keys: one, or those of all its experts, which are solved for at once.
extension WeightSolver {
  /// Solves for the updates of a layer's weights. Experts that none of the keys reaches get none.
  ///
  /// - Parameters:
  ///   - edits: keys of the whole layer. `[edits × keyWidth]`
  ///   - base: what earlier batches came to.
  func solve(
    _ projections: [DownProjection], _ edits: KeysFile.Edits, readAt reading: Matrix<Double>? = nil,
    after base: EditedWeights? = nil, progress: (String, WeightPhase) -> Void = { _, _ in }
  ) throws -> [WeightUpdate] {
    if let only = projections.first, projections.count == 1 {
      return [try solve(only.name, edits, readAt: reading, after: base?[only.name], progress: progress)]
    }
    let name = projections[0].name
    var clock = WorkClock(in: WeightPhase.factorizing.rawValue)
    progress(name, .factorizing)
    let made = try projections.map { try edits.keys.isUsed($0.columns) ? self.made($0) : nil }
    let metric = StackedMetric(
      kind: settings.metric, inputWidth: edits.keys.columns,
      parts: zip(projections, made).map { .init(columns: $0.columns, metric: $1?.metric) })
    clock.enter(WeightPhase.solving.rawValue)
    progress(name, .solving)
    let solution: UpdateSolution
    do {
      let residuals = try reading.map { try rescaled(edits, readAt: $0, metric) } ?? edits.residuals
      var solver = try UpdateSolver(settings: settings, metric: metric)
      solver.allowsZeroResiduals = allowsZeroResiduals
      solution = try solver.solve(keys: edits.keys, residuals: residuals)
    } catch let error as EditError {
      throw error.naming(edits.names)
    }
    var updates = try zip(projections, made).compactMap { projection, made in
      try made.flatMap { try update(of: projection, solution, edits, $0) }
    }
    if !updates.isEmpty { updates[0].phases = clock.all() }
    guard let base else { return updates }
    return try joined(updates, projections, made, after: base)
  }

  /// The metric of the keys of an expert's weight.
  private func made(_ projection: DownProjection) throws -> MetricCache.Made {
    let tensor = try model.tensor(projection.name)
    try tensor.requireWeight()
    return try self.made(projection.name, inputWidth: projection.columns.count, orientation: .outputMajor)
  }

  /// That too few tokens went through an expert for its second moment to say much.
  private func rareness(of projection: DownProjection) throws -> [UpdateWarning] {
    guard settings.usesSecondMoment, let reached = try statistics?.reachedCount(of: projection.name),
      reached < projection.columns.count
    else { return [] }
    return [.rareExpert(reached: reached, width: projection.columns.count)]
  }

  /// The part of a solution that is an expert's; `nil` where it is nothing.
  private func update(
    of projection: DownProjection, _ solution: UpdateSolution, _ edits: KeysFile.Edits,
    _ made: MetricCache.Made
  ) throws -> WeightUpdate? {
    let factors = solution.factors.inputs(projection.columns)
    guard factors.right.isUsed(0..<factors.inputWidth) else { return nil }
    let part = UpdateSolution(
      factors: factors.compressed(), edits: solution.edits, updateNorm: factors.frobeniusNorm,
      preservationLoss: made.metric.preservationLoss(of: factors), effectiveRidge: solution.effectiveRidge,
      jitter: solution.jitter, condition: solution.condition, form: solution.form,
      warnings: solution.warnings + (try rareness(of: projection)))
    var update = WeightUpdate(
      tensor: try model.tensor(projection.name), orientation: .outputMajor,
      keys: edits.keys.columns(projection.columns), solution: part)
    update.residualNorms = edits.residuals.rowNorms
    update.names = edits.names
    update.preservationScale = made.preservationScale
    if update.tensor.elementType.hasCodes {
      update.keyEnergies = made.metric.reduce(update.keys).rowNorms.map { $0 * $0 }.filter { $0 > 0 }
    }
    update.metricJitter = (made.metric as? SecondMomentFactorization)?.jitter ?? 0
    return update
  }

  /// Puts what earlier batches came to before this one's; a weight of the one or the other stays as it is.
  private func joined(
    _ updates: [WeightUpdate], _ projections: [DownProjection], _ made: [MetricCache.Made?],
    after base: EditedWeights
  ) throws -> [WeightUpdate] {
    zip(projections, made).compactMap { projection, made in
      guard var own = updates.first(where: { $0.tensor.name == projection.name }) else {
        return base[projection.name]
      }
      if let before = base[projection.name], let made { own.add(before, in: made.metric) }
      return own
    }
  }

  /// HK of a layer's keys.
  func reduced(_ keys: Matrix<Double>, of projections: [DownProjection]) throws -> Matrix<Double> {
    if projections.count == 1 { return try metric(of: projections[0].name).reduce(keys) }
    let parts = try projections.map {
      StackedMetric.Part(
        columns: $0.columns, metric: try keys.isUsed($0.columns) ? made($0).metric : nil)
    }
    return StackedMetric(kind: settings.metric, inputWidth: keys.columns, parts: parts).reduce(keys)
  }
}
