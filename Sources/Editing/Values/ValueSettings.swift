/// How values are optimized. Defaults are MEMIT's for GPT-2 XL.
public struct ValueSettings: Equatable, Sendable {
  /// Evaluations of the loss at most; one less than so many updates.
  public var steps = 20
  /// Adam's step length.
  public var learningRate = 0.5
  /// Factor of KL(p ‖ p₀) at the subject's last token.
  public var divergenceWeight = 0.0625
  /// Factor of the mean KL(p ‖ p₀) over what the model says of the subject by itself (`OwnWords`).
  public var ownWordsWeight = 0.0
  /// Factor of ‖δ‖ / ‖h₀‖².
  public var weightDecay = 0.5
  /// ‖δ‖ is kept below this times ‖h₀‖.
  public var clamp = 0.75
  /// Whether the last offset is kept, as published, instead of the one of least loss.
  public var keepsLast = false
  /// When a fact is done.
  public var stop = Stop.loss
  /// What h₀ is: the stream the offset is added to.
  public var target = Target.hidden
  /// Seed of generated contexts.
  public var seed: UInt64 = 0

  /// When a fact is done before its last step.
  public enum Stop: String, CaseIterable, Sendable {
    /// When its loss is below 0.05.
    case loss
    /// When, besides, every token of the target is the most probable one in all contexts: later steps only move the value
    /// further from where it was.
    /// Source: Lifelong Knowledge Editing requires Better Regularization, arXiv:2502.01636.
    case mostProbable = "most-probable"
    /// Never.
    case never
  }

  /// Which vector the optimized offset is measured against, and taken as a part of.
  public enum Target: String, Sendable {
    /// The residual stream after the block: MEMIT.
    case hidden
    /// The output of the down-projection: ROME. The offset acts on the model in the same way, only its bounds differ.
    case value
    /// The output of the down-projection, with a second offset on attention's output that shares the work and is then
    /// forgotten: PMET, with its own rule to stop where `stop` is `loss`.
    case valueWithAttention = "value-with-attention"
  }

  /// A loss below which a fact is learned.
  static let learned: Float = 0.05

  /// MEMIT's.
  public init() {}
}
