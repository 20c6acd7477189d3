internal import LinearAlgebra
public import ModelFiles
internal import Patches

/// A patch without some of its facts, solved for again from what it carries: no network is run.
public struct FactRemoval {
  private let edits: PatchedEdits
  private let model: ModelFile
  private let threads: Int

  /// Checks that the model is what the patch starts from.
  public init(_ edits: PatchedEdits, model: ModelFile, threads: Int) throws {
    self.edits = edits
    self.model = model
    self.threads = threads
    try PatchRun(edits.patch, model, threads: threads).check(.apply)
  }

  /// Writes the patch without the facts of these identifiers.
  ///
  /// - Throws: `EditError.noSuchFact`; `sharedValue` when a fact that stays shares its value with one that goes; `noEdits`
  ///   when none would be left.
  public func write(
    dropping identifiers: [String], to path: String, tool: String, recordsCost: Bool = false
  ) throws -> EditReportCard {
    var clock = WorkClock(in: WeightPhase.solving.rawValue)
    let gone = Set(identifiers)
    let dropped = edits.facts.filter { gone.contains($0.fact.identifier) }
    let found = Set(dropped.map(\.fact.identifier))
    for identifier in identifiers where !found.contains(identifier) {
      throw EditError.noSuchFact(identifier, file: edits.patch.path)
    }
    let kept = edits.facts.filter { !gone.contains($0.fact.identifier) }
    let columns = Dictionary(dropped.map { ($0.column, $0.fact) }, uniquingKeysWith: { first, _ in first })
    for fact in kept {
      guard let other = columns[fact.column] else { continue }
      throw EditError.sharedValue(dropped: other.identifier, kept: fact.fact.identifier)
    }
    let rows = edits.values.indices.filter { columns[$0] == nil }
    guard !rows.isEmpty else { throw EditError.noEdits }

    let writer = try PatchWriter(path)
    var reports: [WeightReport] = []
    var stored: [(String, StoredEdits)] = []
    for change in edits.patch.changes {
      guard let shape = change.lowRank?.shape, let all = try StoredEdits(of: change.name, in: edits.patch),
        all.keys.rows == edits.values.count
      else {
        throw EditError.noStoredEdits(file: edits.patch.path, missing: change.name)
      }
      let own = all.selecting(rows)
      reports.append(try store(own, change.name, shape.orientation, writer, &clock))
      stored.append((change.name, own))
    }
    try writer.append(resolving: StoredEdits.valuesName, Matrix(rows: rows.map { edits.values[$0].value }))
    try writer.append(resolving: StoredEdits.startsName, Matrix(rows: rows.map { edits.values[$0].start }))
    for (weight, own) in stored { try own.write(of: weight, to: writer) }

    let places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
    let family = edits.patch.manifest["model"]?["family"]?.text
    var card = EditReportCard(
      settings: edits.plan.recipe.update, weights: reports,
      facts: kept.map { Self.json($0.json, column: places[$0.column]!) },
      columns: kept.map { places[$0.column]! }, family: family)
    card.cost = recordsCost ? WorkCost(threads: threads, phases: clock.all()) : nil
    var edit = edits.patch.manifest["edit"]?.members ?? []
    edit.removeAll { ["facts", "heldText", "cost"].contains($0.key) }
    edit.append(.init("facts", .array(card.factsJSON)))
    if let cost = card.cost { edit.append(.init("cost", cost.json)) }
    card.patch = try writer.finish(tool: tool, family: family, edit: .object(edit))
    return card
  }

  private func store(
    _ own: StoredEdits, _ weight: String, _ orientation: TensorChange.Orientation, _ writer: PatchWriter,
    _ clock: inout WorkClock
  ) throws -> WeightReport {
    let settings = edits.plan.solverSettings
    var solver = WeightSolver(
      model: model, statistics: nil, settings: settings, options: edits.plan.storage(threads: threads),
      orientation: orientation)
    var moment: Matrix<Double>?
    if try model.tensor(weight).elementType.hasCodes {
      guard let own = own.moment else {
        throw EditError.noStoredEdits(file: edits.patch.path, missing: weight + StoredEdits.momentSuffix)
      }
      moment = own
    }
    solver.sketch = { [moment] _ in moment }
    clock.enter(WeightPhase.solving.rawValue)
    let solution = try BLASThreads.with(threads) {
      try own.solve(
        ridge: settings.effectiveRidge, isInverseMoment: settings.metric == .inverseSecondMoment)
    }
    clock.enter(WeightPhase.storing.rawValue)
    var update = WeightUpdate(
      tensor: try model.tensor(weight), orientation: orientation, keys: own.keys, solution: solution)
    update.keyEnergies = (0..<own.keys.rows).map {
      Array(own.keys.row($0)).dot(Array(own.directions.row($0)))
    }
    return try solver.store(update, writer)
  }

  /// A fact without what was measured on the network, which is another now.
  private static func json(_ fact: JSONValue, column: Int) -> JSONValue {
    let gone = ["probabilityAfter", "isSaid", "chat", "locality", "column"]
    return .object(
      (fact.members ?? []).filter { !gone.contains($0.key) } + [.init("column", .integer(column))])
  }
}
