public import ModelFiles
public import Patches

internal import LinearAlgebra

/// From keys and residuals to a patch: for every edited weight, solve, round, measure, store.
public struct EditRun {
  /// The model to be edited; only read.
  public let model: ModelFile
  /// Keys and residuals, one set per edited weight.
  public let keys: KeysFile
  /// Second moments; `nil` for methods that go without.
  public let statistics: StatisticsFile?
  /// Method and its numbers.
  public let settings: UpdateSettings
  /// How updates are stored.
  public let options: LowRankOptions
  /// Orientation of weights whose family is not known.
  public let orientation: TensorChange.Orientation?
  /// Layers to edit; all of the keys file when `nil`.
  public var layers: Set<Int>?
  /// Edits to take, from the first; all when `nil`.
  public var limit: Int?

  /// Gathers what an edit needs.
  public init(
    model: ModelFile, keys: KeysFile, statistics: StatisticsFile?, settings: UpdateSettings,
    options: LowRankOptions, orientation: TensorChange.Orientation?
  ) {
    self.model = model
    self.keys = keys
    self.statistics = statistics
    self.settings = settings
    self.options = options
    self.orientation = orientation
  }

  /// The parts of the work, in order.
  public enum Phase: String, CaseIterable, Sendable {
    case factorizing
    case solving
    case storing
  }

  /// Solves for every weight of the keys file and writes the patch.
  public func write(
    to path: String, tool: String, progress: (_ weight: String, _ phase: Phase) -> Void = { _, _ in }
  ) throws -> EditReportCard {
    let writer = try PatchWriter(path)
    var cards: [WeightReport] = []
    for weight in try weights() {
      cards.append(try edit(weight, writer, progress: progress))
    }
    let card = EditReportCard(
      settings: settings, weights: cards, facts: facts, patch: nil, family: family?.name)
    let patch = try writer.finish(tool: tool, family: family?.name, edit: card.manifest)
    return EditReportCard(
      settings: settings, weights: cards, facts: facts, patch: patch, family: family?.name)
  }

  /// The weights that are asked for.
  private func weights() throws -> [String] {
    guard let layers else { return keys.weights }
    let asked = keys.weights.filter { weight in
      let family = ModelFamily.family(ofDownProjection: weight, modelType: model.modelType)
      return family?.layer(ofDownProjection: weight).map(layers.contains) ?? false
    }
    guard !asked.isEmpty else { throw EditError.noSuchLayers(layers.sorted()) }
    return asked
  }

  private var facts: [JSONValue]? { keys.facts.map { Array($0.prefix(limit ?? $0.count)) } }

  private var family: ModelFamily? {
    ModelFamily.family(ofDownProjection: keys.weights[0], modelType: model.modelType)
  }

  /// Which way round a weight is stored: as its family declares, else as the caller says, else as most models do.
  public static func orientation(
    of weight: String, in model: ModelFile, fallback: TensorChange.Orientation?
  ) -> TensorChange.Orientation {
    if let family = ModelFamily.family(ofDownProjection: weight, modelType: model.modelType) {
      return family.storesInputMajor(weight) ? .inputMajor : .outputMajor
    }
    return fallback ?? .outputMajor
  }

  private func edit(
    _ weight: String, _ writer: PatchWriter, progress: (String, Phase) -> Void
  ) throws -> WeightReport {
    let tensor = try model.tensor(weight)
    let way = Self.orientation(of: weight, in: model, fallback: orientation)
    let edits = try keys.edits(of: weight).first(limit)
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
    let (metric, preservationScale) = try metric(of: weight, inputWidth: inputWidth, tensor, way)
    clock.start(.solving)
    progress(weight, .solving)
    let solution = try UpdateSolver(settings: settings, metric: metric)
      .solve(keys: edits.keys, residuals: edits.residuals, earlierKeys: edits.earlierKeys)

    clock.start(.storing)
    progress(weight, .storing)
    // Tiles are spread over our own threads; the library must not spread each product again.
    let threads = BLASThreads.count
    BLASThreads.count = 1
    defer { BLASThreads.count = threads }
    let meter = RetentionMeter(
      outputWidth: outputWidth, columns: tensor.shape[1], orientation: way, keys: edits.keys)
    var report: WeightReport?
    try writer.append(
      solution.factors, to: tensor, of: model, orientation: way, options: options,
      observe: { meter.observe($0) },
      measured: {
        let made = WeightReport(
          name: weight, solution: solution, measured: meter.result(wanted: solution.factors),
          preservation: solution.preservationLoss.flatMap { loss in preservationScale.map { loss / $0 } },
          metricJitter: (metric as? SecondMomentFactorization)?.jitter ?? 0)
        report = made
        return made.measuredJSON
      })
    guard var report else { preconditionFailure("the writer asks for the measurements of every tensor") }
    report.seconds = clock.finish()
    return report
  }

  /// The metric of a weight's keys, and tr(W C Wᵀ), the scale of the preservation loss.
  private func metric(
    of weight: String, inputWidth: Int, _ tensor: TensorInfo, _ way: TensorChange.Orientation
  ) throws -> (any KeyMetric, Double?) {
    guard settings.usesSecondMoment else { return (IdentityMetric(inputWidth: inputWidth), nil) }
    guard let statistics else { throw EditError.methodNeedsSecondMoment(method: settings.method) }
    let moment = try statistics.secondMoment(of: weight)
    guard moment.inputWidth == inputWidth else {
      throw EditError.widthsDiffer(keys: inputWidth, secondMoment: moment.inputWidth)
    }
    let rows = WeightRows(tensor: tensor, of: model, orientation: way)
    if settings.metric == .inverseSecondMoment {
      let factorization = try SecondMomentFactorization(consume moment)
      return (factorization, try rows.sum { factorization.quadraticForm(ofRows: $0) })
    }
    let scale = try rows.sum { moment.quadraticForm(ofRows: $0) }
    return (try settings.makeMetric(from: consume moment), scale)
  }
}
