internal import Transformer

/// How much there is to run for the values of some facts: their texts, counted and not run.
public struct ValueWork: Sendable {
  /// Texts whose values are found together.
  public struct Batch: Sendable {
    /// Facts.
    public var facts = 0
    /// Values: groups of facts that share a key.
    public var groups = 0
    /// Positions from the subjects' last tokens on, which every step runs.
    public var rows = 0
    /// Positions before them, each beginning once.
    public var heads = 0
    /// Positions that the texts go on from, once for each text.
    public var past = 0
    /// Texts.
    public var texts = 0
    /// Positions at which logits are read.
    public var logits = 0
  }

  /// In the order in which they are run.
  public let batches: [Batch]

  /// Facts of all batches.
  public var facts: Int { batches.reduce(0) { $0 + $1.facts } }

  /// Positions that are run together at most where keys of this width are looked at.
  public static func keyRowLimit(keyWidth: Int) -> Int { min(4096, (1 << 26) / max(keyWidth, 1)) }

  /// A context as models write them, for a count before any is generated.
  static let typical = ContextTemplate.seeds.map {
    ContextTemplate(before: $0 + " first thing that comes to mind here is that. ", after: "")
  }
}

extension Edit {
  /// Counts the texts of all facts in the plan's contexts, or in as many of usual length.
  ///
  /// - Throws: `EditError`, `FactsError` for facts that no texts can be made of.
  public func valueWork() throws -> ValueWork {
    let groups = try GroupedFacts(records.map(\.fact)).groups
    let problems = try groups.map {
      try ValueProblem($0, contexts: plan.contexts ?? ValueWork.typical, chat: plan.chat, encoder: encoder)
    }
    return ValueWork(
      batches: ValueOptimization.batches(of: problems, rowLimit: batchRows).map { range in
        var batch = ValueWork.Batch()
        batch.groups = range.count
        var heads: Set<[Int32]> = []
        for problem in problems[range] {
          batch.facts += problem.factCount
          batch.rows += problem.rowCount
          for input in problem.inputs {
            batch.past += input.subject
            batch.texts += 1
            batch.logits += input.targets.count + input.kept.count
            if input.subject > 0, heads.insert(Array(input.tokens[..<input.subject])).inserted {
              batch.heads += input.subject
            }
          }
        }
        return batch
      })
  }
}
