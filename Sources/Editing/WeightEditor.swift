internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// Edits one weight at a time: solves, and stores what was solved.
struct WeightEditor {
  let model: ModelFile
  /// Second moments; `nil` for methods that go without.
  let statistics: StatisticsFile?
  let settings: UpdateSettings
  let options: LowRankOptions
  /// Orientation of weights whose family is not known.
  let orientation: TensorChange.Orientation?
  /// Whether an edit may ask for nothing, as a fact that the model knows already does.
  var allowsZeroResiduals = false
  /// Metrics made for other edits of the model with the same second moments.
  var metrics: MetricCache?

  /// A weight with its update, before it is stored.
  struct Solved {
    let tensor: TensorInfo
    let orientation: TensorChange.Orientation
    /// Keys of all edits that the factors hold. `[edits × inputWidth]`
    var keys: Matrix<Double>
    /// What was solved for, and the reports of its edits.
    ///
    /// `nil` for a weight that was trained.
    var solution: UpdateSolution?
    /// What training made of the weight.
    var trained: Trained?
    /// The edit of each key, where there is not one key for each edit.
    var editOfKey: [Int]?
    /// tr(W C Wᵀ), the scale of the preservation loss.
    let preservationScale: Double?
    let metricJitter: Double
    /// What solving again takes; `nil` where several solves went into the factors.
    var stored: StoredEdits?
    var clock: PhaseClock

    /// A weight that was trained.
    struct Trained {
      /// Rounded, as stored.
      var bytes: [UInt8]
      /// Of each edit, the share of the wanted change of outputs that rounding has left.
      var retentions: [Double]
    }
  }

  /// Which way round a weight is stored: as its family declares, else as the caller says, else as most models do.
  static func orientation(
    of weight: String, in model: ModelFile, fallback: TensorChange.Orientation?
  ) -> TensorChange.Orientation {
    if let family = ModelFamily.family(ofDownProjection: weight, modelType: model.modelType) {
      return family.storesInputMajor(weight) ? .inputMajor : .outputMajor
    }
    return fallback ?? .outputMajor
  }

  /// Solves for the update of a weight.
  ///
  /// - Parameter reading: other keys, one per edit, at which the residuals are to be read instead of the edits' own.
  func solve(
    _ weight: String, _ edits: KeysFile.Edits, readAt reading: Matrix<Double>? = nil,
    progress: (String, EditRun.Phase) -> Void = { _, _ in }
  ) throws -> Solved {
    try model.requirePlain(weight)
    let tensor = try model.tensor(weight)
    let way = Self.orientation(of: weight, in: model, fallback: orientation)
    guard tensor.elementType.isEditable else {
      throw PatchError.notEditable(tensor: weight, elementType: tensor.elementType)
    }
    guard tensor.shape.count == 2 else { throw PatchError.notAMatrix(tensor: weight, shape: tensor.shape) }
    let (outputWidth, inputWidth) =
      way == .outputMajor ? (tensor.shape[0], tensor.shape[1]) : (tensor.shape[1], tensor.shape[0])
    guard edits.keys.columns == inputWidth, edits.residuals.columns == outputWidth else {
      throw PatchError.factorShape(
        tensor: weight, expected: [outputWidth, inputWidth],
        found: [edits.residuals.columns, edits.keys.columns])
    }
    var clock = PhaseClock()
    progress(weight, .factorizing)
    func make() throws -> MetricCache.Made {
      try makeMetric(of: weight, inputWidth: inputWidth, tensor, way)
    }
    let made = try metrics?.metric(of: weight, settings, make: make) ?? make()
    let (metric, preservationScale) = (made.metric, made.preservationScale)
    clock.start(.solving)
    progress(weight, .solving)
    let residuals = try reading.map { try rescaled(edits, readAt: $0, metric) } ?? edits.residuals
    var solver = try UpdateSolver(settings: settings, metric: metric)
    solver.allowsZeroResiduals = allowsZeroResiduals
    let solution = try solver.solve(
      keys: edits.keys, residuals: residuals, earlierKeys: edits.earlierKeys)
    let stored = StoredEdits(
      keys: edits.keys, directions: metric.expand(metric.reduce(edits.keys)), residuals: residuals)
    clock.start(.storing)
    return Solved(
      tensor: tensor, orientation: way, keys: edits.keys, solution: solution,
      preservationScale: preservationScale,
      metricJitter: (metric as? SecondMomentFactorization)?.jitter ?? 0, stored: stored, clock: clock)
  }

  /// Residuals that are met at other keys e than those solved for: Δe = r where Δ = r (C⁻¹k)ᵀ / (eᵀC⁻¹k).
  ///
  /// - Source: kmeng01/rome, `rome/rome_main.py` and `compute_v.py`, whose keys above and below the line differ.
  private func rescaled(
    _ edits: KeysFile.Edits, readAt reading: Matrix<Double>, _ metric: any KeyMetric
  ) throws -> Matrix<Double> {
    var residuals = edits.residuals
    let (own, other) = (metric.reduce(edits.keys), metric.reduce(reading))
    var factors: [Double] = []
    for edit in 0..<own.rows {
      let (k, e) = (Array(own.row(edit)), Array(other.row(edit)))
      let (along, kk, ee) = (k.dot(e), k.dot(k), e.dot(e))
      guard along.magnitude >= 0.1 * (kk * ee).squareRoot() else {
        throw EditError.keysTooDifferent(edit: edit, cosine: along / (kk * ee).squareRoot())
      }
      factors.append(kk / along)
    }
    residuals.scale(rows: factors)
    return residuals
  }

  /// Rounds a solved update, measures what is left of it, and adds it to a patch. Weights come in the order of their names.
  func store(_ solved: Solved, _ writer: PatchWriter) throws -> WeightReport {
    // Tiles are spread over our own threads; the library must not spread each product again.
    try BLASThreads.with(1) { try storeAlone(solved, writer) }
  }

  private func storeAlone(_ solved: Solved, _ writer: PatchWriter) throws -> WeightReport {
    var clock = solved.clock
    clock.start(.storing)
    if let trained = solved.trained { return try store(trained, of: solved.tensor, clock, writer) }
    guard let solution = solved.solution else {
      preconditionFailure("a weight was solved for or trained")
    }
    let meter = RetentionMeter(
      outputWidth: solution.factors.outputWidth, columns: solved.tensor.shape[1],
      orientation: solved.orientation, keys: solved.keys)
    var report: WeightReport?
    try writer.append(
      solution.factors, to: solved.tensor, of: model, orientation: solved.orientation, options: options,
      observe: { meter.observe($0) },
      measured: {
        let made = WeightReport(
          name: solved.tensor.name, solution: solution,
          measured: meter.result(wanted: solution.factors, editOfKey: solved.editOfKey),
          preservation: solution.preservationLoss.flatMap { loss in
            solved.preservationScale.map { loss / $0 }
          },
          metricJitter: solved.metricJitter)
        report = made
        return made.measuredJSON
      })
    guard var report else { preconditionFailure("the writer asks for the measurements of every tensor") }
    report.seconds = clock.finish()
    return report
  }

  /// Adds a trained weight to a patch.
  private func store(
    _ trained: Solved.Trained, of tensor: TensorInfo, _ clock: PhaseClock, _ writer: PatchWriter
  ) throws -> WeightReport {
    var clock = clock
    var report: WeightReport?
    try writer.append(edited: trained.bytes, of: tensor, of: model, threads: options.threads) { measure in
      let made = WeightReport(name: tensor.name, trained: trained, measure)
      report = made
      return made.measuredJSON
    }
    guard var report else { preconditionFailure("the writer asks for the measurements of every tensor") }
    report.seconds = clock.finish()
    return report
  }

  /// The metric of a weight's keys, and tr(W C Wᵀ).
  private func makeMetric(
    of weight: String, inputWidth: Int, _ tensor: TensorInfo, _ way: TensorChange.Orientation
  ) throws -> MetricCache.Made {
    guard settings.metric != .identity else {
      return .init(metric: IdentityMetric(inputWidth: inputWidth), preservationScale: nil)
    }
    guard let statistics else { throw EditError.methodNeedsSecondMoment(method: settings.method) }
    let moment = try statistics.secondMoment(of: weight)
    guard moment.inputWidth == inputWidth else {
      throw EditError.widthsDiffer(keys: inputWidth, secondMoment: moment.inputWidth)
    }
    let rows = WeightRows(tensor: tensor, of: model, orientation: way)
    if settings.metric == .inverseSecondMoment {
      let factorization = try SecondMomentFactorization(consume moment)
      return .init(
        metric: factorization,
        preservationScale: try rows.sum { factorization.quadraticForm(ofRows: $0) })
    }
    let scale = try rows.sum { moment.quadraticForm(ofRows: $0) }
    return .init(metric: try settings.makeMetric(from: consume moment), preservationScale: scale)
  }
}
