internal import LinearAlgebra
internal import LinearAlgebra
public import ModelFiles
public import Patches

/// From keys and residuals to a patch: for every edited weight, solve, round, measure, store.
public struct KeyedSolve {
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
  /// What quantized weights become; `nil` for codes where they hold the edit, else F16.
  public var promotion: Promotion?
  /// Whether the patch says what making it took. The same inputs then no longer give the same patch.
  public var recordsCost = false

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

  /// Whether a weight that it edits is quantized.
  public var changesCodes: Bool {
    get throws { try weights().contains { try model.tensor($0).elementType.hasCodes } }
  }

  /// Solves for every weight of the keys file and writes the patch.
  public func write(
    to path: String, tool: String, progress: (_ weight: String, _ phase: WeightPhase) -> Void = { _, _ in }
  ) throws -> EditReportCard {
    let writer = try PatchWriter(path)
    var solver = WeightSolver(
      model: model, statistics: statistics, settings: settings, options: options, orientation: orientation)
    solver.promotion = promotion ?? .keep
    var promoted: [PromotedTensor] = []
    let weights = try weights()
    if promotion != nil, try !changesCodes {
      throw EditError.optionNeeds("--promote", other: "models whose edited weights are quantized")
    }
    var reports: [WeightReport] = []
    var clock = WorkClock(in: "keys")
    for weight in weights {
      clock.enter("keys")
      let edits = try keys.edits(of: weight).first(limit)
      let update = try BLASThreads.with(options.threads) {
        try solver.solve(weight, edits) {
          clock.enter($1.rawValue)
          progress($0, $1)
        }
      }
      clock.enter(WeightPhase.storing.rawValue)
      progress(weight, .storing)
      var stored = update
      _ = try solver.rounded(&stored)
      if promotion == nil, let chosen = stored.chosen, chosen.retention < Edit.leastRetention {
        solver.promotion = .f16
        _ = try solver.rounded(&stored)
        solver.promotion = .keep
      }
      reports.append(try solver.store(stored, writer) { promoted.append($0) })
    }
    var card = EditReportCard(settings: settings, weights: reports, facts: facts, family: family?.name)
    card.cost = recordsCost ? WorkCost(threads: options.threads, phases: clock.all()) : nil
    let edit = try manifest(card, of: weights)
    card.patch =
      promoted.isEmpty
      ? try writer.finish(tool: tool, family: family?.name, edit: edit)
      : try writer.finish(
        tool: tool, family: family?.name, edit: edit, promoting: promoted, of: model, threads: options.threads
      )
    return card
  }

  /// The `edit` object of the manifest.
  private func manifest(_ card: EditReportCard, of weights: [String]) throws -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("method", .string(settings.method.name)), .init("recipe", .object(settings.json)),
    ]
    if settings.usesSecondMoment, let statistics {
      let identity = try statistics.identity(of: weights, threads: options.threads)
      members.append(.init("plan", ["statistics": .string(identity)]))
    }
    members.append(.init("facts", .array(card.factsJSON)))
    if let cost = card.cost { members.append(.init("cost", cost.json)) }
    return .object(members)
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
    WeightSolver.orientation(of: weight, in: model, fallback: fallback)
  }
}
