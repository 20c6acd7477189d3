public import Editing
internal import Floor
public import Transformer

/// What an edit of some facts takes on this machine, phase by phase, before any of it is done.
///
/// Rates are measured (`NetworkCost`, `SolverRates`), texts are counted, and the rest is multiplication; `Design/cluster.md` has the
/// formulas. Steps of values are counted to the last one, though most facts are found earlier: it is what a queue must allow.
public struct WorkPlan: Sendable {
  /// One of the commands.
  public struct Phase: Sendable {
    /// Which one.
    public let name: Name
    /// Processor seconds, of all parts together.
    public var processorSeconds = 0.0
    /// Bytes that each process holds at most, pages of the model included.
    public var memory = 0
    /// Bytes that it leaves.
    public var disk = 0
    /// Parts that have work; 1 for what one process does.
    public var parts = 1

    /// The commands, in their order.
    public enum Name: String, CaseIterable, Sendable {
      case stats
      case values
      case edit
      case eval
      case apply
    }
  }

  /// What is planned for.
  public struct Work {
    /// Tokens of the corpus; `nil` where statistics are there.
    public var tokens: Int?
    /// The facts, and what is to be edited.
    public var edit: Edit

    /// Gathers the two.
    public init(_ edit: Edit, tokens: Int?) {
      self.edit = edit
      self.tokens = tokens
    }
  }

  /// In the order of the commands.
  public let phases: [Phase]
  /// What was measured.
  public let cost: NetworkCost
  /// What was measured.
  public let rates: SolverRates
  /// Facts, and texts with their positions.
  public let values: ValueWork

  /// Measures, counts and multiplies.
  ///
  /// - Parameter base: bytes that the process has before it runs anything.
  public init(_ work: Work, base: Int? = nil) throws {
    let network = work.edit.network
    let base = base ?? ProcessUse.now().peakMemory
    cost = try network.measureCost()
    rates = try SolverRates.measure(threads: network.threads)
    values = try work.edit.valueWork()
    let formulas = WorkFormulas(network, work.edit.plan, cost, rates, base: base)
    let asked = try Evaluation(
      network: network, tokenizer: work.edit.tokenizer, settings: EvaluationSettings()
    ).workload(work.edit.records)
    var phases: [Phase] = []
    if let tokens = work.tokens { phases.append(formulas.stats(tokens: tokens)) }
    if work.edit.plan.method.optimizesValues { phases.append(formulas.values(values)) }
    phases += [
      formulas.edit(values), formulas.eval(tokens: asked.tokens, logits: asked.logits, records: values.facts),
      formulas.apply(values),
    ]
    self.phases = phases
  }
}
