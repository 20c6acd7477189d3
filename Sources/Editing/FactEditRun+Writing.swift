internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

extension FactEditRun {
  /// Does the whole edit and writes the patch.
  public func write(
    to path: String, tool: String, saveValues: String? = nil, progress: (Stage) -> Void = { _ in }
  ) throws -> FactEditReport {
    try requireEditableWeights()
    var clock = StageClock(in: "contexts and first measures")

    progress(.contexts)
    let grouped = try GroupedFacts(records.map(\.fact))
    let contexts = try usedContexts()
    let problems = try grouped.groups.map {
      try ValueProblem($0, contexts: contexts, encoder: encoder)
    }
    let kept = try keptRecords(grouped)
    let prompts = kept.prompts(problems)
    let measures = try FactMeasures(kept.records, prompts: prompts, encoder: encoder)
    let held = try contexts.map { try encoder.prompt($0.before + $0.after).tokens }.filter { $0.count > 1 }
    let before = try measures.measureBase(network)
    let heldBefore = try network.meanLoss(of: held)

    let sequence = EditSequence(run: self, contexts: contexts)
    let (solved, values) = try sequence.solve(
      grouped.groups, problems, clock: &clock, threads: options.threads, progress: progress)
    if let saveValues { try write(values, of: grouped.groups, to: saveValues, contexts) }

    progress(.measuring)
    clock.enter("last measures")
    let edited = try network.overlaid(solved.overlay)
    let after = try measures.measure(edited)
    let heldAfter = try edited.meanLoss(of: held)
    clock.enter(.storing)

    let lines = kept.columns.indices.map { index in
      FactEditReport.Line(
        fact: kept.records[index].fact, value: values[kept.columns[index]], column: kept.columns[index],
        before: before[index], after: after[index], subjectIsFirst: prompts[index].subjectIsFirst)
    }
    let writer = try PatchWriter(path)
    var weights: [WeightReport] = []
    // A patch names its tensors in order.
    for weight in solved.solved.sorted(by: {
      $0.tensor.name.utf8.lexicographicallyPrecedes($1.tensor.name.utf8)
    }) {
      progress(.weight(weight.tensor.name, .storing))
      weights.append(try sequence.editor.store(weight, writer))
    }
    if keepsEdits { try writeEdits(solved.solved, values, to: writer) }
    let family = network.configuration.family.name
    let cost = recordsCost ? WorkCost(threads: network.threads, phases: clock.all()) : nil
    func card(_ patch: PatchFile?) -> EditReportCard {
      EditReportCard(
        settings: recipe.update, weights: weights, facts: lines.map(\.json), columns: kept.columns,
        patch: patch, family: family, cost: cost)
    }
    let edit = manifest(card(nil), contexts, held: zip2(heldBefore, heldAfter))
    let patch = try writer.finish(tool: tool, family: family, edit: edit)
    return FactEditReport(
      facts: lines, repeats: grouped.repeats, card: card(patch), recipe: recipe, contexts: contexts,
      heldText: zip2(heldBefore, heldAfter), phases: clock.all())
  }

  /// Optimizes values only, and saves them.
  public func writeValues(to path: String, part: Corpus.Shard?, progress: (Stage) -> Void = { _ in }) throws
    -> [FactValue]
  {
    let contexts = try usedContexts()
    let all = try GroupedFacts(records.map(\.fact)).groups
    let groups = all.indices.filter { part?.contains($0) ?? true }.map { all[$0] }
    let problems = try groups.map { try ValueProblem($0, contexts: contexts, encoder: encoder) }
    let values = try EditSequence(run: self, contexts: contexts)
      .values(of: groups, problems, on: network, progress: progress)
    try write(values, of: groups, to: path, contexts)
    return values
  }

  private func write(
    _ values: [FactValue], of groups: [FactGroup], to path: String, _ contexts: [ContextTemplate]
  ) throws {
    try ValuesFile.write(values, of: groups, identity: try valuesIdentity(contexts), to: path)
  }

  /// What values depend on beside the fact: taken from a file of another identity they would be wrong.
  func valuesIdentity(_ contexts: [ContextTemplate]) throws -> String {
    let v = recipe.values
    return JSONValue.array([
      .string(try network.model.fingerprint().hexadecimal), .integer(recipe.layers.last!),
      .string(v.target.rawValue),
      .integer(v.steps), .measured(v.learningRate), .measured(v.divergenceWeight), .measured(v.weightDecay),
      .measured(v.clamp), .string(v.stop.rawValue), .bool(v.keepsLast),
      .array(contexts.map { .string($0.text) }),
    ]).compactText
  }

  /// Values, keys and residuals, so that the edits can be solved for again, without some or with others.
  private func writeEdits(
    _ solved: [WeightEditor.Solved], _ values: [FactValue], to writer: PatchWriter
  ) throws {
    let stored = solved.compactMap { weight in weight.stored.map { (weight.tensor.name, $0) } }
    guard stored.count == solved.count, !values.isEmpty else { return }
    func matrix(_ rows: [[Float]]) -> Matrix<Double> {
      Matrix(rows: rows.count, columns: rows[0].count, elements: rows.flatMap { $0.map(Double.init) })
    }
    try writer.append(resolving: StoredEdits.valuesName, matrix(values.map(\.value)))
    try writer.append(resolving: StoredEdits.startsName, matrix(values.map(\.start)))
    for (weight, edits) in stored.sorted(by: { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }) {
      try edits.write(of: weight, to: writer)
    }
  }

  private func keptRecords(_ grouped: GroupedFacts) throws -> KeptRecords {
    var kept = KeptRecords()
    for (column, group) in grouped.groups.enumerated() {
      for (place, fact) in group.facts.enumerated() {
        guard let record = records.first(where: { $0.fact == fact }) else { continue }
        kept.records.append(record)
        kept.columns.append(column)
        kept.places.append(place)
      }
    }
    return kept
  }

  private func manifest(
    _ card: EditReportCard, _ contexts: [ContextTemplate], held: (before: Double, after: Double)?
  ) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("method", .string(recipe.update.method.rawValue)),
      .init("recipe", .object((card.settingsJSON.members ?? []) + recipe.valuesJSON)),
      .init("contexts", .array(contexts.map { .string($0.text) })),
      .init("facts", .array(card.factsJSON)),
    ]
    if let held {
      members.append(
        .init("heldText", ["lossBefore": .measured(held.before), "lossAfter": .measured(held.after)]))
    }
    if let cost = card.cost { members.append(.init("cost", cost.json)) }
    return .object(members)
  }
}

/// Records that are not repeats, in the order of their groups.
private struct KeptRecords {
  var records: [FactRecord] = []
  var columns: [Int] = []
  var places: [Int] = []

  func prompts(_ problems: [ValueProblem]) -> [FactPrompt] {
    zip(columns, places).map { problems[$0].prompts[$1] }
  }
}

private func zip2(_ first: Double?, _ second: Double?) -> (before: Double, after: Double)? {
  first.flatMap { first in second.map { (first, $0) } }
}

extension Network {
  /// The mean of −log p over the tokens of some texts, each given those before it; `nil` without texts.
  func meanLoss(of texts: [[Int32]]) throws -> Double? {
    guard !texts.isEmpty else { return nil }
    let scores = try score(texts.map { Continuation(prompt: [$0[0]], target: Array($0.dropFirst())) })
    let all = scores.flatMap(\.logProbabilities)
    return -all.reduce(0) { $0 + Double($1) } / Double(all.count)
  }
}
