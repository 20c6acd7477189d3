public import ModelFiles
internal import Patches
internal import Transformer

/// What became of an edit from facts.
public struct FactEditReport: Sendable {
  /// What became of one fact.
  public struct Line: Sendable {
    /// The fact.
    public let fact: Fact
    /// Its value; facts of one group share one.
    public let value: FactValue
    /// The column of keys that stores it.
    public let column: Int
    /// Before the edit.
    public let before: FactMeasure
    /// With the rounded weights that the patch leads to.
    public let after: FactMeasure
    /// Whether the subject's last token is the first of the text.
    public let subjectIsFirst: Bool

    /// Whether the model now says the target, in a chat too where it is to hold there.
    public var took: Bool { after.isSaid && after.chat?.isSaid ?? true }
    /// Share of the neighbors' answers that are as before; `nil` without neighbors.
    public var locality: Double? {
      let pairs = zip(before.neighborTokens, after.neighborTokens)
      let count = before.neighborTokens.count
      return count == 0 ? nil : Double(pairs.count { $0 == $1 }) / Double(count)
    }
  }

  /// One line per fact, in the order of the facts.
  public let facts: [Line]
  /// Facts that said what another said already.
  public let repeats: [GroupedFacts.Repeat]
  /// The solver's report.
  public internal(set) var card: EditReportCard
  /// Everything that decided the patch's bytes, beside the facts.
  public let plan: EditPlan
  /// Mean negative log-likelihood of a held text, before and after; `nil` where there is none.
  public let heldText: (before: Double, after: Double)?
  /// Whether earlier edits, which are solved for again, had other second moments.
  public internal(set) var changesStatistics = false
  /// What became of quantized weights that do not hold the edit.
  public struct Promotion: Sendable {
    /// Facts that are said, and the share of the wanted outputs at the keys that is kept, with the weights' own types.
    public let kept: (taken: Int, retention: Double)
    /// The same with another type.
    public let promoted: (taken: Int, retention: Double)
    /// That type.
    public let type: ElementType
    /// Whether the patch changes the type; not where that would help no fact.
    public let isPromoted: Bool
  }

  /// How many neurons each layer has, where the edit makes them more.
  public internal(set) var widths: (base: Int, result: Int)?
  /// Two ways were tried where the weights' own types did not hold all; else `nil`.
  public internal(set) var promotion: Promotion?
  /// What the phases took.
  public internal(set) var phases: [PhaseCost] = []

  /// Method, layers and numbers.
  public var recipe: EditRecipe { plan.recipe }
  /// Texts around the prompts.
  public var contexts: [ContextTemplate] { plan.contexts ?? [] }
  /// Facts that the model does not say after the edit.
  public var failed: [Line] { facts.filter { !$0.took } }
  /// The mean share of neighbors' answers that are as before.
  public var locality: Double? {
    let shares = facts.compactMap(\.locality)
    return shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
  }
  /// The largest ‖Δ‖ / ‖W‖ of a weight.
  public var largestRelativeNorm: Double { card.weights.map(\.relativeNorm).largest ?? 0 }
}

extension FactEditReport {
  /// The `edit` object of the patch's manifest.
  var manifest: JSONValue {
    var members = plan.json
    members.append(.init("facts", .array(card.factsJSON)))
    if let heldText {
      members.append(
        .init(
          "heldText", ["lossBefore": .measured(heldText.before), "lossAfter": .measured(heldText.after)]))
    }
    if let promotion { members.append(.init("promotion", promotion.json)) }
    if let widths {
      members.append(.init("widths", ["base": .integer(widths.base), "result": .integer(widths.result)]))
    }
    if let cost = card.cost { members.append(.init("cost", cost.json)) }
    return .object(members)
  }
}

extension FactEditReport.Promotion {
  /// As the patch and `--json` carry it.
  public var json: JSONValue {
    [
      "elementType": .string(type.rawValue), "isPromoted": .bool(isPromoted),
      "takenKept": .integer(kept.taken), "retentionKept": .measured(kept.retention),
      "takenPromoted": .integer(promoted.taken), "retentionPromoted": .measured(promoted.retention),
    ]
  }
}

extension FactEditReport.Line {
  /// As the patch and `--json` carry it.
  var json: JSONValue {
    var members = fact.jsonMembers
    members += [
      .init("column", .integer(column)),
      .init("probabilityBefore", .measured(before.probability)),
      .init("probabilityAfter", .measured(after.probability)), .init("isSaid", .bool(after.isSaid)),
      .init("steps", .integer(value.losses.count)),
    ]
    if value.isVector {
      members += [
        .init("valueProbability", .measured(value.probability)),
        .init("valueNorm", .measured(value.relativeNorm)), .init("isClamped", .bool(value.isClamped)),
        .init("isReached", .bool(value.isReached)),
      ]
    }
    if let before = before.chat, let after = after.chat {
      members.append(
        .init(
          "chat",
          [
            "probabilityBefore": .measured(before.probability),
            "probabilityAfter": .measured(after.probability),
            "isSaid": .bool(after.isSaid),
          ]))
    }
    if let locality { members.append(.init("locality", .measured(locality))) }
    return .object(members)
  }
}
