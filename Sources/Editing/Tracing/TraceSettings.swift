internal import ModelFiles
internal import Transformer

/// What is restored in a corrupted run, and looked at for what it brings back.
public enum TraceKind: String, CaseIterable, Sendable {
  /// The residual stream after one block.
  case hidden
  /// Outputs of feed-forwards, in a window of blocks.
  case mlp
  /// Outputs of attention, in a window of blocks.
  case attention

  /// Where the numbers are in a block.
  var activation: Activation {
    switch self {
    case .hidden: .hidden
    case .mlp: .value
    case .attention: .attentionOutput
    }
  }

  /// Blocks in which a kind is restored around a layer. ROME's window of ten is [ℓ − 5, ℓ + 5).
  ///
  /// - Source: kmeng01/rome, `experiments/causal_trace.py`, `trace_important_window`.
  func blocks(around layer: Int, window: Int, of count: Int) -> Range<Int> {
    guard self != .hidden else { return layer..<layer + 1 }
    return max(0, layer - window / 2)..<min(count, layer + (window + 1) / 2)
  }
}

/// How runs are corrupted and what is restored.
///
/// - Source: ROME (arXiv:2202.05262), section 2.1 and appendix B.
public struct TraceSettings: Equatable, Sendable {
  /// Standard deviation of the noise, in those of the subjects' embeddings.
  public var noise = 3.0
  /// Corrupted runs, each with noise of its own.
  public var samples = 10
  /// Of the noise; the same for every fact.
  public var seed: UInt64 = 0
  /// Blocks restored together, of feed-forwards and attention.
  public var window = 10
  /// What is restored.
  public var kinds = TraceKind.allCases

  /// ROME's.
  public init() {}

  /// What a trace depends on, beside its facts.
  func identity(deviation: Double, model: String, tokenizer: String) -> PlanIdentity {
    PlanIdentity([
      .init("model", .string(model)), .init("tokenizer", .string(tokenizer)), .init("noise", .exact(noise)),
      .init("deviation", .measured(deviation)), .init("samples", .integer(samples)),
      // As text: seeds have 64 bits, and JSON's readers may not.
      .init("seed", .string(String(seed))), .init("window", .integer(window)),
      .init("kinds", .array(kinds.map { .string($0.rawValue) })),
    ])
  }
}
