/// Numbers that a network multiplies with, and bounds it keeps others within, beside its weights. Each has the value that changes
/// nothing unless a family reads it.
public struct NetworkFactors: Equatable, Sendable {
  /// Of embeddings; beside the root of the width, where the design has that.
  public var embedding: Float = 1
  /// Of what attention and MLP add to the residual stream.
  public var residual: Float = 1
  /// Of a query's product with a key; `nil` for 1/√w, w the width of a head.
  public var attention: Double?
  /// Of logits.
  public var logits: Float = 1
  /// c of c · tanh(x / c), through which scores go before their softmax; `nil` where they do not.
  public var attentionCap: Float?
  /// The same for logits.
  public var logitCap: Float?
  /// How queries grow with their position; `nil` where they do not.
  public var queryGrowth: QueryGrowth?

  /// A query at position p is multiplied by 1 + rate · ln(1 + ⌊p / length⌋).
  ///
  /// - Source: transformers, `models/ministral3/modeling_ministral3.py`, `get_llama_4_attn_scale`.
  public struct QueryGrowth: Equatable, Sendable {
    /// β.
    public var rate: Double
    /// Positions of a step.
    public var length: Int

    /// A growth.
    public init(rate: Double, length: Int) {
      self.rate = rate
      self.length = length
    }
  }

  /// Those that change nothing.
  public init() {}

  /// Refuses numbers that make no network.
  func validate() throws {
    let numbers: [(String, Double?)] = [
      ("embedding factor", Double(embedding)), ("residual factor", Double(residual)),
      ("attention factor", attention), ("logit factor", Double(logits)),
      ("attention cap", attentionCap.map(Double.init)), ("logit cap", logitCap.map(Double.init)),
    ]
    for case (let name, let number?) in numbers where !(number > 0 && number < 1e30) {
      throw ConfigurationError.badSetting(name, found: "\(number)", expected: "above 0")
    }
    guard let growth = queryGrowth else { return }
    guard growth.length > 0, growth.rate.isFinite, growth.rate.magnitude < 1e6 else {
      throw ConfigurationError.badSetting(
        "query growth", found: "\(growth.rate) every \(growth.length)", expected: "a rate, and positions")
    }
  }
}
