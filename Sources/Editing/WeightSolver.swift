internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// The parts of the work on one weight, in order.
public enum WeightPhase: String, CaseIterable, Sendable {
  case collecting
  case factorizing
  case solving
  case storing
}

/// Solves for the updates of weights, one at a time, and rounds and stores what was solved.
struct WeightSolver {
  let model: ModelFile
  /// Second moments; `nil` for methods that go without.
  let statistics: StatisticsFile?
  let settings: UpdateSettings
  let options: LowRankOptions
  /// Orientation of weights whose family is not known.
  let orientation: TensorChange.Orientation?
  /// Whether an edit may ask for nothing, as a fact that the model knows already does.
  var allowsZeroResiduals = false
  /// Whether updates carry what solving again takes.
  var keepsEdits = false
  /// What quantized weights become; `keep` chooses their codes.
  var promotion = Promotion.keep
  /// Metrics made for other edits of the model with the same second moments.
  var metrics: MetricCache?
  /// What stands for a weight's second moment where there are no statistics.
  var sketch: (@Sendable (String) throws -> Matrix<Double>?)?

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
  /// - Parameters:
  ///   - reading: other keys, one per edit, at which the residuals are to be read instead of the edits' own.
  ///   - earlier: what earlier batches added to the weight; the update is of all together.
  func solve(
    _ weight: String, _ edits: KeysFile.Edits, readAt reading: Matrix<Double>? = nil,
    after earlier: WeightUpdate? = nil, progress: (String, WeightPhase) -> Void = { _, _ in }
  ) throws -> WeightUpdate {
    try model.requirePlain(weight)
    let tensor = try model.tensor(weight)
    let way = Self.orientation(of: weight, in: model, fallback: orientation)
    try tensor.requireWeight()
    guard tensor.elementType.isEditable || way == .outputMajor else {
      throw PatchError.notEditable(tensor: weight, elementType: tensor.elementType)
    }
    let (outputWidth, inputWidth) =
      way == .outputMajor ? (tensor.shape[0], tensor.shape[1]) : (tensor.shape[1], tensor.shape[0])
    guard edits.keys.columns == inputWidth, edits.residuals.columns == outputWidth else {
      throw PatchError.factorShape(
        tensor: weight, expected: [outputWidth, inputWidth],
        found: [edits.residuals.columns, edits.keys.columns])
    }
    var clock = WorkClock(in: WeightPhase.factorizing.rawValue)
    progress(weight, .factorizing)
    let made = try made(weight, inputWidth: inputWidth, orientation: way)
    let metric = made.metric
    clock.enter(WeightPhase.solving.rawValue)
    progress(weight, .solving)
    let residuals = try reading.map { try rescaled(edits, readAt: $0, metric) } ?? edits.residuals
    var solver = try UpdateSolver(settings: settings, metric: metric)
    solver.allowsZeroResiduals = allowsZeroResiduals
    let solution: UpdateSolution
    do {
      solution = try solver.solve(keys: edits.keys, residuals: residuals, earlierKeys: edits.earlierKeys)
    } catch let error as EditError {
      throw error.naming(edits.names)
    }
    var update = WeightUpdate(tensor: tensor, orientation: way, keys: edits.keys, solution: solution)
    update.residualNorms = residuals.rowNorms
    update.names = edits.names
    update.preservationScale = made.preservationScale
    if tensor.elementType.hasCodes {
      update.keyEnergies = metric.reduce(edits.keys).rowNorms.map { $0 * $0 }
    }
    update.metricJitter = (metric as? SecondMomentFactorization)?.jitter ?? 0
    if let earlier {
      update.add(earlier, in: metric)
    } else if keepsEdits {
      update.stored = StoredEdits(
        keys: edits.keys, directions: metric.expand(metric.reduce(edits.keys)), residuals: residuals)
      // What codes are chosen by, here or where the patch is carried over to a quantized form of the model.
      update.momentDiagonal = try momentDiagonal(of: weight)
    }
    update.phases = clock.all()
    return update
  }

  /// The metric of a weight's keys.
  func metric(of weight: String) throws -> any KeyMetric {
    let shape = try model.tensor(weight).shape
    let way = Self.orientation(of: weight, in: model, fallback: orientation)
    return try made(weight, inputWidth: way == .outputMajor ? shape[1] : shape[0], orientation: way).metric
  }

  /// The metric of a weight's keys and what goes with it, made now or before.
  func made(
    _ weight: String, inputWidth: Int, orientation way: TensorChange.Orientation
  ) throws -> MetricCache.Made {
    func make() throws -> MetricCache.Made {
      try makeMetric(
        of: weight, inputWidth: inputWidth,
        WeightRows(tensor: try model.tensor(weight), of: model, orientation: way))
    }
    return try metrics?.metric(of: weight, settings, make: make) ?? make()
  }

  /// Residuals that are met at other keys e than those solved for: Δe = r where Δ = r (C⁻¹k)ᵀ / (eᵀC⁻¹k).
  ///
  /// - Source: kmeng01/rome, `rome/rome_main.py` and `compute_v.py`, whose keys above and below the line differ.
  func rescaled(
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
          .naming(edits.names)
      }
      factors.append(kk / along)
    }
    residuals.scale(rows: factors)
    return residuals
  }

  /// The metric of a weight's keys, and tr(W C Wᵀ).
  private func makeMetric(of weight: String, inputWidth: Int, _ rows: WeightRows) throws -> MetricCache.Made {
    guard settings.metric != .identity else {
      return .init(metric: IdentityMetric(inputWidth: inputWidth), preservationScale: nil)
    }
    guard let statistics else { throw EditError.methodNeedsSecondMoment(method: settings.method) }
    let moment = try statistics.secondMoment(of: weight)
    return try statistics.naming(weight) {
      guard moment.inputWidth == inputWidth else {
        throw EditError.widthsDiffer(keys: inputWidth, secondMoment: moment.inputWidth)
      }
      return try settings.makeMetric(from: moment, measuring: rows)
    }
  }
}
