internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// A weight with its update, before it is stored.
struct WeightUpdate {
  let tensor: TensorInfo
  let orientation: TensorChange.Orientation
  /// Keys of all edits that the factors hold. `[edits × inputWidth]`
  var keys: Matrix<Double>
  /// What was solved for, and the reports of its edits; `nil` for a weight that was trained.
  var solution: UpdateSolution?
  /// What training made of the weight.
  var trained: Trained?
  /// The edit of each key, where there is not one key for each edit.
  var editOfKey: [Int]?
  /// How much each key asks for: ‖r‖.
  var residualNorms: [Double] = []
  /// What the edit of each key is called.
  var names: [String] = []
  /// tr(W C Wᵀ), the scale of the preservation loss.
  var preservationScale: Double?
  var metricJitter = 0.0
  /// What solving again takes; `nil` where several solves went into the factors.
  var stored: StoredEdits?
  /// What it took so far.
  var phases: [PhaseCost] = []

  /// A weight that was trained.
  struct Trained {
    /// Rounded, as stored.
    var bytes: [UInt8]
    /// Of each edit, the share of the wanted change of outputs that rounding has left.
    var retentions: [Double]
  }

  init(
    tensor: TensorInfo, orientation: TensorChange.Orientation, keys: Matrix<Double>, solution: UpdateSolution
  ) {
    self.tensor = tensor
    self.orientation = orientation
    self.keys = keys
    self.solution = solution
  }

  init(tensor: TensorInfo, orientation: TensorChange.Orientation, trained: Trained, inputWidth: Int) {
    self.tensor = tensor
    self.orientation = orientation
    self.trained = trained
    keys = Matrix(rows: 0, columns: inputWidth)
  }

  /// The edit that asks for most, to be named where the weight does not hold what is asked for.
  var mostDemanding: String? {
    guard let largest = residualNorms.indices.max(by: { residualNorms[$0] < residualNorms[$1] }) else {
      return nil
    }
    return names.indices.contains(largest) ? "fact \(names[largest])" : "edit \(largest + 1)"
  }

  /// Puts what earlier batches added to the same weight before this one's.
  mutating func add(_ earlier: WeightUpdate, in metric: any KeyMetric) {
    guard let a = earlier.solution, let b = solution else { return }
    let factors = LowRankFactors(
      left: a.factors.left.transposed().stacked(on: b.factors.left.transposed()).transposed(),
      right: a.factors.right.stacked(on: b.factors.right)
    ).compressed()
    // The loss is that of both together: what they do to known keys may add up, or cancel.
    solution = UpdateSolution(
      factors: factors, edits: a.edits + b.edits, updateNorm: factors.frobeniusNorm,
      preservationLoss: metric.preservationLoss(of: factors), effectiveRidge: b.effectiveRidge,
      jitter: max(a.jitter, b.jitter), condition: max(a.condition, b.condition), form: b.form,
      warnings: a.warnings + b.warnings)
    keys = earlier.keys.stacked(on: keys)
    residualNorms = earlier.residualNorms + residualNorms
    names = earlier.names + names
    if let before = earlier.editOfKey, let own = editOfKey {
      editOfKey = before + own.map { $0 + a.edits.count }
    }
  }
}

extension WeightSolver {
  /// A weight's bytes with its update, as a patch leaves them.
  func rounded(_ update: WeightUpdate) throws -> [UInt8] {
    if let trained = update.trained { return trained.bytes }
    guard let solution = update.solution else { preconditionFailure("a weight was solved for or trained") }
    let bytes = try model.file(of: update.tensor).read(
      update.tensor.byteCount, at: update.tensor.byteRange.lowerBound)
    return try naming(update) {
      try solution.factors.added(
        to: update.tensor, bytes: bytes, orientation: update.orientation, options: options)
    }
  }

  /// Rounds an update, measures what is left of it, and adds it to a patch. Weights come in the order of their names.
  func store(_ update: WeightUpdate, _ writer: PatchWriter) throws -> WeightReport {
    // Tiles are spread over our own threads; the library must not spread each product again.
    try BLASThreads.with(1) { try storeAlone(update, writer) }
  }

  private func storeAlone(_ update: WeightUpdate, _ writer: PatchWriter) throws -> WeightReport {
    var clock = WorkClock(in: WeightPhase.storing.rawValue, after: update.phases)
    var report: WeightReport?
    if let trained = update.trained {
      try writer.append(edited: trained.bytes, of: update.tensor, of: model, threads: options.threads) {
        let made = WeightReport(name: update.tensor.name, trained: trained, $0)
        report = made
        return made.measuredJSON
      }
    } else if let solution = update.solution {
      try naming(update) { try store(solution, of: update, writer) { report = $0 } }
    }
    guard var report else { preconditionFailure("the writer asks for the measurements of every tensor") }
    for cost in clock.all() {
      if let phase = WeightPhase(rawValue: cost.name) { report.seconds[phase] = cost.processorSeconds }
    }
    return report
  }

  private func store(
    _ solution: UpdateSolution, of update: WeightUpdate, _ writer: PatchWriter,
    report: (WeightReport) -> Void
  ) throws {
    let meter = RetentionMeter(
      outputWidth: solution.factors.outputWidth, columns: update.tensor.shape[1],
      orientation: update.orientation, keys: update.keys)
    try writer.append(
      solution.factors, to: update.tensor, of: model, orientation: update.orientation, options: options,
      observe: { meter.observe($0) },
      measured: {
        let made = WeightReport(
          name: update.tensor.name, solution: solution,
          measured: meter.result(wanted: solution.factors, editOfKey: update.editOfKey),
          preservation: solution.preservationLoss.flatMap { loss in
            update.preservationScale.map { loss / $0 }
          },
          metricJitter: update.metricJitter)
        report(made)
        return made.measuredJSON
      })
  }
}

extension WeightSolver {
  /// Says of which weight and edit it is where the weight's type does not hold a change.
  private func naming<Result>(_ update: WeightUpdate, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as PatchError {
      guard error.isOfNumbers, let edit = update.mostDemanding else { throw error }
      throw EditError.weightCannotHold(edit: edit, cause: error)
    }
  }
}

extension PatchError {
  /// Whether an update or its result is not a number.
  var isOfNumbers: Bool {
    switch self {
    case .updateNotFinite, .resultNotFinite: true
    default: false
    }
  }
}

extension Matrix where Scalar == Double {
  /// ‖·‖ of each row.
  var rowNorms: [Double] { (0..<rows).map { Array(row($0)).sumOfSquares.squareRoot() } }
}
