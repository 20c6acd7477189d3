/// Effects averaged over facts.
public struct TraceSummary: Sendable {
  /// Mean effect by kind and class of tokens, by layer; what has no tokens is not there.
  public private(set) var effects: [TraceKind: [TokenClass: [Double]]] = [:]
  /// Facts that were traced.
  public let factCount: Int
  /// Facts that the model does not know.
  public let unknownCount: Int
  /// Mean probability of the answers after prompts as they are, and after corrupted subjects.
  public private(set) var clean = 0.0
  /// The same after corrupted subjects.
  public private(set) var corrupted = 0.0

  /// Averages over all tokens of a class of all facts, as ROME does.
  public init(_ facts: [TracedFact], unknown: Int, layerCount: Int) {
    factCount = facts.count
    unknownCount = unknown
    guard !facts.isEmpty else { return }
    clean = facts.reduce(0) { $0 + $1.clean } / Double(facts.count)
    corrupted = facts.reduce(0) { $0 + $1.corrupted } / Double(facts.count)
    for kind in TraceKind.allCases {
      for kindOfToken in TokenClass.allCases {
        var sums = [Double](repeating: 0, count: layerCount)
        var count = 0
        for fact in facts where fact.restored[kind] != nil {
          for token in kindOfToken.tokens(of: fact.subject, in: fact.tokens.count) {
            for layer in 0..<layerCount { sums[layer] += fact.effect(kind, token: token, layer: layer)! }
            count += 1
          }
        }
        if count > 0 { effects[kind, default: [:]][kindOfToken] = sums.map { $0 / Double(count) } }
      }
    }
  }

  /// Where feed-forwards recall facts: what an edit would change.
  public struct Choice: Equatable, Sendable {
    /// The layers, ascending and side by side.
    public let layers: [Int]
    /// The layer of the largest effect.
    public let peak: Int
    /// Its effect.
    public let peakEffect: Double
    /// Mean effect over the chosen layers.
    public let meanEffect: Double
    /// Mean effect over all layers.
    public let meanOfAll: Double
  }

  /// So many layers side by side in which the feed-forwards' effect at the subjects' last tokens is largest in sum.
  ///
  /// An edit writes there what it is to recall, and a value is found behind its last layer, after which one block at least must
  /// come. Published recipes were chosen by this effect too (MEMIT, section 4.1), by eye.
  /// - Returns: `nil` where feed-forwards were not traced, or nothing was, or the model is not deep enough.
  public func choice(of count: Int) -> Choice? {
    guard let effects = effects[.mlp]?[.subjectLast], count >= 1, count < effects.count else { return nil }
    func sum(from first: Int) -> Double { effects[first..<first + count].reduce(0, +) }
    // The first of equals.
    let firsts = 0..<effects.count - count
    let first = firsts.reduce(0) { sum(from: $1) > sum(from: $0) ? $1 : $0 }
    let peak = effects.indices.dropLast().reduce(0) { effects[$1] > effects[$0] ? $1 : $0 }
    return Choice(
      layers: Array(first..<first + count), peak: peak, peakEffect: effects[peak],
      meanEffect: sum(from: first) / Double(count),
      meanOfAll: effects.reduce(0, +) / Double(effects.count))
  }
}
