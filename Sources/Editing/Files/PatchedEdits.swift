internal import LinearAlgebra
public import ModelFiles
public import Patches
internal import Transformer

/// The edits that a patch made by `edit` carries: facts, contexts, recipe and values.
public struct PatchedEdits {
  /// The patch.
  public let patch: PatchFile
  /// How its values were found and its updates solved for.
  public let recipe: EditRecipe
  /// Texts around the prompts.
  public let contexts: [ContextTemplate]
  /// Facts, each with the column that stores it.
  let facts: [(fact: Fact, column: Int, json: JSONValue)]
  let values: [FactValue]

  /// Reads them.
  ///
  /// - Throws: `EditError.noStoredEdits` for a patch that does not carry them.
  public init(_ patch: PatchFile) throws {
    self.patch = patch
    func missing(_ what: String) -> EditError { .noStoredEdits(file: patch.path, missing: what) }
    guard let edit = patch.manifest["edit"],
      let method = edit["method"]?.text.flatMap({ EditMethod(name: $0) }),
      let recipeJSON = edit["recipe"]
    else { throw missing("method") }
    guard let values = try patch.resolveMatrix(StoredEdits.valuesName),
      let starts = try patch.resolveMatrix(StoredEdits.startsName), starts.rows == values.rows,
      starts.columns == values.columns
    else { throw missing("values") }
    self.values = (0..<values.rows).map { row in
      var value = FactValue(value: values.row(row).map(Float.init), start: starts.row(row).map(Float.init))
      value.probability = 1
      value.isReached = true
      return value
    }
    var recipe = EditRecipe(
      for: method, family: patch.manifest["model"]?["family"]?.text.flatMap(ModelFamily.named),
      layerCount: 1, width: 1, keyWidth: 1)
    try recipe.read(recipeJSON, file: patch.path)
    recipe.source = recipeJSON["source"]?.text ?? recipe.source
    self.recipe = recipe
    func join(_ value: JSONValue?) throws -> TextJoin {
      guard let value else { return .space }
      guard let join = value.text.flatMap({ TextJoin($0) }) else { throw missing("facts") }
      return join
    }
    contexts = (edit["contexts"]?.elements ?? []).compactMap { $0.text.flatMap { ContextTemplate($0) } }
    facts = try (edit["facts"]?.elements ?? []).map { json in
      guard let prompt = json["prompt"]?.text, let subject = json["subject"]?.text,
        let target = json["target"]?.text, let column = json["column"]?.integer,
        (0..<values.rows).contains(column), ContextTemplate(prompt) != nil
      else { throw missing("facts") }
      let fact = Fact(
        identifier: json["id"]?.text ?? "", prompt: prompt, subject: subject, target: target,
        formerTarget: json["formerTarget"]?.text, join: try join(json["join"]))
      return (fact, column, json)
    }
    guard !facts.isEmpty else { throw missing("facts") }
  }

  /// The facts with others after them; one that says something else after the same prompt is replaced by it.
  public func records(with new: [FactRecord]) -> [FactRecord] {
    let prompts = Set(new.map(\.fact.filledPrompt))
    return facts.filter { !prompts.contains($0.fact.filledPrompt) }.map { FactRecord($0.fact) } + new
  }

  /// The value of a group that is stored as it is.
  func value(of group: FactGroup) -> FactValue? {
    guard let column = facts.first(where: { $0.fact == group.facts.first })?.column else { return nil }
    return facts.filter { $0.column == column }.map(\.fact) == group.facts ? values[column] : nil
  }
}

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
    var clock = StageClock(in: "solving")
    let dropped = edits.facts.filter { identifiers.contains($0.fact.identifier) }
    for identifier in identifiers where !dropped.contains(where: { $0.fact.identifier == identifier }) {
      throw EditError.noSuchFact(identifier, file: edits.patch.path)
    }
    let kept = edits.facts.filter { !identifiers.contains($0.fact.identifier) }
    let columns = Set(dropped.map(\.column))
    if let shared = kept.first(where: { columns.contains($0.column) }) {
      throw EditError.sharedValue(
        dropped: dropped.first { $0.column == shared.column }!.fact.identifier,
        kept: shared.fact.identifier)
    }
    let rows = edits.values.indices.filter { !columns.contains($0) }
    guard !rows.isEmpty else { throw EditError.noEdits }

    clock.enter(.storing)
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
      reports.append(try store(own, change.name, shape, writer, &clock))
      stored.append((change.name, own))
    }
    func matrix(_ rows: [[Float]]) -> Matrix<Double> {
      Matrix(rows: rows.count, columns: rows[0].count, elements: rows.flatMap { $0.map(Double.init) })
    }
    try writer.append(resolving: StoredEdits.valuesName, matrix(rows.map { edits.values[$0].value }))
    try writer.append(resolving: StoredEdits.startsName, matrix(rows.map { edits.values[$0].start }))
    for (weight, own) in stored { try own.write(of: weight, to: writer) }

    let places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
    let facts = kept.map { Self.json($0.json, column: places[$0.column]!) }
    let family = edits.patch.manifest["model"]?["family"]?.text
    let cost = recordsCost ? WorkCost(threads: threads, phases: clock.all()) : nil
    func card(_ patch: PatchFile?) -> EditReportCard {
      EditReportCard(
        settings: edits.recipe.update, weights: reports, facts: facts,
        columns: kept.map { places[$0.column]! },
        patch: patch, family: family, cost: cost)
    }
    var edit = edits.patch.manifest["edit"]?.members ?? []
    edit.removeAll { ["facts", "heldText", "cost"].contains($0.key) }
    edit.append(.init("facts", .array(card(nil).factsJSON)))
    if let cost { edit.append(.init("cost", cost.json)) }
    return card(try writer.finish(tool: tool, family: family, edit: .object(edit)))
  }

  private func store(
    _ own: StoredEdits, _ weight: String, _ shape: LowRankForm, _ writer: PatchWriter,
    _ clock: inout StageClock
  ) throws -> WeightReport {
    var options = LowRankOptions()
    options.factorType = shape.factorType
    options.rounding = shape.rounding
    options.threads = threads
    var settings = edits.recipe.update
    if settings.method == .rome { settings.method = .emmet }
    let editor = WeightEditor(
      model: model, statistics: nil, settings: settings, options: options, orientation: shape.orientation)
    clock.enter(.solving)
    let solution = try BLASThreads.with(threads) {
      try own.solve(
        ridge: settings.effectiveRidge, isInverseMoment: settings.metric == .inverseSecondMoment)
    }
    clock.enter(.storing)
    return try editor.store(
      WeightEditor.Solved(
        tensor: try model.tensor(weight), orientation: shape.orientation, keys: own.keys,
        solution: solution, preservationScale: nil, metricJitter: 0, stored: own, clock: PhaseClock()), writer
    )
  }

  /// A fact without what was measured on the network, which is another now.
  private static func json(_ fact: JSONValue, column: Int) -> JSONValue {
    let gone = ["probabilityAfter", "isSaid", "locality", "column"]
    return .object(
      (fact.members ?? []).filter { !gone.contains($0.key) } + [.init("column", .integer(column))])
  }
}
