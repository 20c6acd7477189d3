internal import LinearAlgebra
public import ModelFiles
public import Patches
internal import Transformer

/// The edits that a patch made by `edit` carries: facts, plan and values.
public struct PatchedEdits {
  /// The patch.
  public let patch: PatchFile
  /// Everything that decided its bytes, beside the facts.
  public let plan: EditPlan
  /// Facts, each with the column that stores it.
  let facts: [(fact: Fact, column: Int, json: JSONValue)]
  let values: [FactValue]
  /// The facts of each column.
  private let factsOfColumn: [[Fact]]
  /// The column of each fact.
  private let columns: [FactKey: Int]

  /// Reads them.
  ///
  /// - Throws: `EditError.noStoredEdits` for a patch that does not carry them.
  public init(_ patch: PatchFile) throws {
    self.patch = patch
    func missing(_ what: String) -> EditError { .noStoredEdits(file: patch.path, missing: what) }
    guard let edit = patch.manifest["edit"] else { throw missing("method") }
    if let method = edit["method"]?.text.flatMap({ EditMethod(name: $0) }), !method.hasClosedForm {
      throw EditError.methodSolvesNothing(file: patch.path, method: method)
    }
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
    plan = try EditPlan(ofEdit: edit, of: patch)
    func join(_ value: JSONValue?) throws -> TextJoin {
      guard let value else { return .space }
      guard let join = value.text.flatMap({ TextJoin($0) }) else { throw missing("facts") }
      return join
    }
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
    var factsOfColumn = [[Fact]](repeating: [], count: values.rows)
    for (fact, column, _) in facts { factsOfColumn[column].append(fact) }
    self.factsOfColumn = factsOfColumn
    columns = Dictionary(facts.map { (FactKey($0.fact), $0.column) }, uniquingKeysWith: { first, _ in first })
  }

  /// The facts with others after them; one that says something else after the same prompt is replaced by it.
  ///
  /// - Parameter dropped: identifiers of facts of the patch that are left out.
  /// - Throws: `EditError.noSuchFact` for one that the patch does not have.
  public func records(with new: [FactRecord], dropping dropped: [String] = []) throws -> [FactRecord] {
    let known = Set(facts.map(\.fact.identifier))
    for identifier in dropped where !known.contains(identifier) {
      throw EditError.noSuchFact(identifier, file: patch.path)
    }
    let gone = Set(dropped)
    let prompts = Set(new.map { FactKey.prompt(of: $0.fact) })
    let kept = facts.map(\.fact).filter {
      !prompts.contains(FactKey.prompt(of: $0)) && !gone.contains($0.identifier)
    }
    return kept.map { FactRecord($0) } + new
  }

  /// Refuses a plan under which the values would be others.
  ///
  /// - Throws: `EditError.otherPlan` with the first difference.
  func requireValues(of plan: EditPlan) throws {
    guard let difference = self.plan.valueIdentity.difference(from: plan.valueIdentity) else { return }
    throw EditError.otherPlan(file: patch.path, difference)
  }

  /// The value of a group that is stored as it is.
  func value(of group: FactGroup) -> FactValue? {
    guard let first = group.facts.first, let column = columns[FactKey(first)] else { return nil }
    return factsOfColumn[column].map { FactKey($0) } == group.facts.map { FactKey($0) }
      ? values[column] : nil
  }
}
