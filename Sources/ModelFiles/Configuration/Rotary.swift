/// Rotary position embedding: each pair of a query's or key's entries is turned by an angle that grows with the position.
///
/// - Source: RoFormer, arXiv:2104.09864, eq. 34; the pairing of halves is GPT-NeoX's.
public struct Rotary: Equatable, Sendable {
  /// Entries of a head that are turned, from the first; the rest stays.
  public var dimensions: Int
  /// θ: pair i turns by position · θ^(−2i / dimensions).
  public var base: Double
  /// Whether a pair is (2i, 2i + 1), as in GPT-J and in GGUF files of Llama, instead of (i, i + dimensions / 2).
  public var isInterleaved: Bool
  /// How angles are stretched for longer contexts.
  public var scaling: Scaling

  /// A stretching of the angles.
  public enum Scaling: Equatable, Sendable {
    case none
    /// All angles divided by a factor.
    case linear(factor: Double)
    /// Llama 3.1's: slow pairs divided by the factor, fast ones kept, those between blended.
    /// Source: transformers, `modeling_rope_utils.py`, `_compute_llama3_parameters`.
    case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Double)
    /// A divisor per pair, as GGUF files carry them in `rope_freqs.weight`.
    case divisors([Float])
  }

  /// A turning.
  public init(dimensions: Int, base: Double, isInterleaved: Bool, scaling: Scaling = .none) {
    self.dimensions = dimensions
    self.base = base
    self.isInterleaved = isInterleaved
    self.scaling = scaling
  }
}
