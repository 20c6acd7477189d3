public import Editing
internal import Floor
internal import ModelFiles
public import Transformer

/// Finds a recipe for a model: edits a part of the facts again and again, changes one number at a time, and keeps what is better by the
/// weights; in the end the others of the facts, which it never saw, say what it is worth.
public struct RecipeSearch {
  /// The unedited network.
  public let network: Network
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// Second moments for methods that take them.
  public let statistics: StatisticsFile?
  /// The recipe to begin with, and all else.
  public let plan: EditPlan
  /// What counts.
  public let weights: CriterionWeights
  /// By the wall; the search ends before, if one trial takes no longer than it.
  public let budget: Double
  /// The beginning of the names of files that are written on the way.
  public let scratch: String
  /// Facts edited together; all where `nil`.
  public var batch: Int?

  /// Gathers what a search needs.
  public init(
    network: Network, tokenizer: Tokenizer, statistics: StatisticsFile?, plan: EditPlan,
    weights: CriterionWeights, budget: Double, scratch: String
  ) {
    (self.network, self.tokenizer, self.statistics, self.plan) = (network, tokenizer, statistics, plan)
    (self.weights, self.budget, self.scratch) = (weights, budget, scratch)
  }

  /// A recipe that was tried.
  public struct Trial: Sendable {
    /// What was changed, against the best before it; `nil` for the first.
    public let change: (setting: RecipeSetting, value: JSONText)?
    /// All of it.
    public let recipe: EditRecipe
    /// The weighted mean, from 0 to 1; `nil` where the edits were refused.
    public let score: Double?
    /// By the wall.
    public let seconds: Double
  }

  /// A value of a recipe as text.
  public typealias JSONText = String

  /// What came of it.
  public struct Result: Sendable {
    /// All that was tried, in order.
    public fileprivate(set) var trials: [Trial] = []
    /// The best of them.
    public fileprivate(set) var best: EditRecipe
    /// Of the facts that the search saw.
    public fileprivate(set) var searched: (before: Double, after: Double) = (.nan, .nan)
    /// Of those held out: by the first recipe and by the best.
    public fileprivate(set) var heldOut: (before: MethodRanking.Place?, after: MethodRanking.Place?)
    /// Whether the budget ended it.
    public fileprivate(set) var ranOut = false
  }

  /// Searches.
  ///
  /// - Parameters:
  ///   - seen: facts that recipes are tried on.
  ///   - heldOut: the others.
  ///   - progress: is told of each trial when it is done.
  /// - Throws: `EvaluationError.nothingMeasured` where the facts have nothing that a criterion with a weight asks for.
  public func search(
    _ seen: [FactRecord], heldOut: [FactRecord], progress: (Trial) -> Void = { _ in }
  ) throws -> Result {
    let start = ProcessUse.wallSeconds
    var contexts = plan.contexts
    if contexts == nil {
      contexts = try Edit(
        network: network, tokenizer: tokenizer, records: seen, statistics: statistics, plan: plan
      ).usedContexts()
    }
    var bench = try Bench(self, seen, contexts)
    defer { bench.comparison.finish() }
    var result = Result(best: plan.recipe, heldOut: (nil, nil))
    var best = -Double.infinity

    func attempt(_ recipe: EditRecipe, _ change: (setting: RecipeSetting, value: JSONText)?) throws -> Bool {
      let begin = ProcessUse.wallSeconds
      let score = try bench.place(of: recipe)?.score
      let trial = Trial(
        change: change, recipe: recipe, score: score, seconds: ProcessUse.wallSeconds - begin)
      result.trials.append(trial)
      progress(trial)
      guard let score, score > best else { return false }
      (best, result.best) = (score, recipe)
      return true
    }

    _ = try attempt(plan.recipe, nil)
    guard best > -.infinity else {
      throw EvaluationError.nothingMeasured(weights.weights.map(\.criterion.name))
    }
    let first = best
    // What asking the held-out facts twice takes belongs to the budget.
    let reserve = 2 * Double(heldOut.count) / Double(seen.count)
    func hasTime() -> Bool {
      let longest = result.trials.map(\.seconds).max() ?? 0
      return ProcessUse.wallSeconds - start + (1 + reserve) * longest < budget
    }
    var improved = true
    search: while improved {
      improved = false
      for move in RecipeMove.all where plan.method.settings.contains(move.setting) {
        for value in move.values(result.best, network.configuration.layerCount) {
          guard hasTime() else {
            result.ranOut = true
            break search
          }
          var recipe = result.best
          // A value from the best recipe so far may be another one by now.
          guard recipe.change(move.setting, to: value), recipe != result.best,
            !result.trials.contains(where: { $0.recipe == recipe })
          else { continue }
          if try attempt(recipe, (move.setting, value.text ?? value.compactText)) { improved = true }
        }
      }
    }
    result.searched = (first, best)
    if !heldOut.isEmpty {
      var other = try Bench(self, heldOut, contexts)
      defer { other.comparison.finish() }
      let before = try other.place(of: plan.recipe)
      result.heldOut = (before, result.best == plan.recipe ? before : try other.place(of: result.best))
    }
    return result
  }

  /// Records that recipes are tried on.
  private struct Bench {
    let search: RecipeSearch
    let contexts: [ContextTemplate]?
    var series: EvaluationSeries
    var comparison: MethodComparison

    init(_ search: RecipeSearch, _ records: [FactRecord], _ contexts: [ContextTemplate]?) throws {
      (self.search, self.contexts) = (search, contexts)
      series = EvaluationSeries(
        records: records, tokenizer: search.tokenizer, settings: EvaluationSettings())
      comparison = MethodComparison(
        network: search.network, statistics: search.statistics, scratch: search.scratch)
      comparison.weighsPatches = false
      let network = search.network
      try series.run("base", parts: [.init(records: 0..<records.count, identity: "base") { network }])
    }

    /// What a recipe comes to; `nil` where its edits are refused, or nothing of what counts is measured.
    mutating func place(of recipe: EditRecipe) throws -> MethodRanking.Place? {
      var plan = search.plan
      (plan.recipe, plan.contexts, plan.inputs) = (recipe, contexts, nil)
      let count = min(search.batch ?? series.records.count, series.records.count)
      do {
        try comparison.compare(plan, [.batches(of: count)], in: &series) { _, _ in }
      } catch let error as StatisticsError {
        // Layers of which the statistics know nothing cannot be tried.
        guard case .noStatistics = error else { throw error }
        return nil
      }
      guard let row = comparison.compared.last,
        let measured = MethodRanking.Row(row, base: series.runs.first, among: [row])
      else { return nil }
      return MethodRanking([measured], weights: search.weights).places.first
    }
  }
}

extension RecipeSearch {
  /// Records to search on and records that are held out, drawn with a seed; at least one each. Both keep the order of the file.
  public static func split(
    _ records: [FactRecord], holdingOut share: Double, seed: UInt64
  ) -> (seen: [FactRecord], held: [FactRecord]) {
    precondition(records.count >= 2, "a record for each part")
    let count = min(max(Int((share * Double(records.count)).rounded()), 1), records.count - 1)
    var generator = SplitMix64(seed: seed)
    var order = Array(records.indices)
    for place in 0..<count { order.swapAt(place, place + generator.below(order.count - place)) }
    let held = Set(order[..<count])
    return (
      records.indices.filter { !held.contains($0) }.map { records[$0] },
      records.indices.filter { held.contains($0) }.map { records[$0] }
    )
  }
}
