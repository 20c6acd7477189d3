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
  /// kᵀQk of each key, where codes are to be chosen.
  var keyEnergies: [Double] = []
  /// The bytes as chosen codes leave them; `nil` until then, and for elements that stand alone.
  var chosen: AwareRounding.Result?
  /// The diagonal of the second moment by which codes were chosen. `[1 × inputWidth]`
  var momentDiagonal: Matrix<Double>?
  /// The bytes in a type that loses nothing, where codes do not hold the edit.
  var promoted: (type: ElementType, bytes: [UInt8])?
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
    /// ‖Δ‖ / ‖W‖ as stored.
    var relativeNorm: Double?
    /// The mean square change of outputs on ordinary text, against the outputs, where it was measured.
    var preservation: Double?
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
    keyEnergies = earlier.keyEnergies + keyEnergies
    names = earlier.names + names
    if let before = earlier.editOfKey, let own = editOfKey {
      editOfKey = before + own.map { $0 + a.edits.count }
    }
  }
}

extension WeightUpdate {
  /// An update that was written down without a system of keys, on top of what earlier batches wrote.
  ///
  /// - Parameters:
  ///   - factors: `nil` for nothing new.
  ///   - keys: at which outputs are to change. `[keys × inputWidth]`
  ///   - edits: the edit of each key, counted through all batches.
  static func written(
    _ factors: LowRankFactors?, of weight: String, at keys: Matrix<Double>, edits: [Int], names: [String],
    after base: EditedWeights?, solver: WeightSolver
  ) throws -> WeightUpdate {
    let earlier = base?[weight]
    var joined = earlier?.solution?.factors
    if let factors {
      joined =
        joined.map {
          LowRankFactors(
            left: $0.left.transposed().stacked(on: factors.left.transposed()).transposed(),
            right: $0.right.stacked(on: factors.right))
        } ?? factors
    }
    guard let joined else { preconditionFailure("something is written") }
    var update = WeightUpdate(
      tensor: try solver.model.tensor(weight),
      orientation: WeightSolver.orientation(of: weight, in: solver.model, fallback: solver.orientation),
      keys: earlier.map { $0.keys.stacked(on: keys) } ?? keys, solution: .written(joined.compressed()))
    update.editOfKey = (earlier?.editOfKey ?? []) + edits
    update.keyEnergies = (earlier?.keyEnergies ?? []) + keys.rowNorms.map { $0 * $0 }
    update.names = (earlier?.names ?? []) + names
    return update
  }
}

extension WeightSolver {
  /// A weight's bytes with its update, as a patch leaves them. Codes that are chosen are kept with the update.
  func rounded(_ update: inout WeightUpdate) throws -> [UInt8] {
    if let trained = update.trained { return trained.bytes }
    if update.tensor.elementType.hasCodes {
      var clock = WorkClock(in: WeightPhase.storing.rawValue, after: update.phases)
      let bytes = try promoted(&update) ?? choose(&update).bytes
      update.phases = clock.all()
      return bytes
    }
    guard let solution = update.solution else { preconditionFailure("a weight was solved for or trained") }
    let bytes = try model.file(of: update.tensor).read(
      update.tensor.byteCount, at: update.tensor.byteRange.lowerBound)
    return try naming(update) {
      try solution.factors.added(
        to: update.tensor, bytes: bytes, orientation: update.orientation, options: options)
    }
  }

  /// Rounds an update, measures what is left of it, and adds it to a patch; a tensor of another type is put aside instead, for
  /// the patch's end. Weights come in the order of their names.
  func store(
    _ update: WeightUpdate, _ writer: PatchWriter, aside: (PromotedTensor) -> Void = { _ in }
  ) throws -> WeightReport {
    // Tiles are spread over our own threads; the library must not spread each product again.
    try BLASThreads.with(1) { try storeAlone(update, writer, aside) }
  }

  private func storeAlone(
    _ update: WeightUpdate, _ writer: PatchWriter, _ aside: (PromotedTensor) -> Void
  ) throws -> WeightReport {
    var update = update
    var clock = WorkClock(in: WeightPhase.storing.rawValue, after: update.phases)
    var report: WeightReport?
    if let trained = update.trained {
      try writer.append(edited: trained.bytes, of: update.tensor, of: model, threads: options.threads) {
        let made = WeightReport(name: update.tensor.name, trained: trained, $0)
        report = made
        return made.measuredJSON
      }
    } else if let solution = update.solution {
      if update.tensor.elementType.hasCodes { _ = try rounded(&update) }
      try naming(update) { try store(solution, of: update, writer, aside) { report = $0 } }
    }
    guard var report else { preconditionFailure("the writer asks for the measurements of every tensor") }
    for cost in clock.all() {
      if let phase = WeightPhase(rawValue: cost.name) { report.seconds[phase] = cost.processorSeconds }
    }
    return report
  }

  private func store(
    _ solution: UpdateSolution, of update: WeightUpdate, _ writer: PatchWriter,
    _ aside: (PromotedTensor) -> Void, report: (WeightReport) -> Void
  ) throws {
    let meter = RetentionMeter(
      outputWidth: solution.factors.outputWidth, columns: update.tensor.shape[1],
      orientation: update.orientation, keys: update.keys)
    func measured() -> JSONValue? {
      let made = WeightReport(
        name: update.tensor.name, solution: solution,
        measured: meter.result(wanted: solution.factors, editOfKey: update.editOfKey),
        preservation: solution.preservationLoss.flatMap { loss in
          update.preservationScale.map { loss / $0 }
        },
        metricJitter: update.metricJitter)
      report(made)
      return made.measuredJSON
    }
    if let promoted = update.promoted {
      try update.tensor.observe(
        promoted.bytes, as: promoted.type, in: model.file(of: update.tensor), threads: options.threads
      ) { meter.observe($0) }
      aside(
        PromotedTensor(
          tensor: update.tensor, elementType: promoted.type, bytes: promoted.bytes, measured: measured()))
    } else if let chosen = update.chosen {
      try writer.append(
        solution.factors, rounded: chosen.bytes, to: update.tensor, of: model,
        orientation: update.orientation, options: options, observe: { meter.observe($0) }, measured: measured)
    } else {
      try writer.append(
        solution.factors, to: update.tensor, of: model, orientation: update.orientation, options: options,
        observe: { meter.observe($0) }, measured: measured)
    }
  }
}

extension WeightSolver {
  /// Says of which weight and edit it is where the weight's type does not hold a change.
  private func naming<Result>(_ update: WeightUpdate, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as PatchError { throw named(error, update) }
  }

  func named(_ error: PatchError, _ update: WeightUpdate) -> any Error {
    guard error.isOfNumbers, let edit = update.mostDemanding else { return error }
    return EditError.weightCannotHold(edit: edit, cause: error)
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
