internal import Glibc

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
  /// What turned entries are multiplied by besides; a part of some ways to stretch.
  public var magnitude = 1.0

  /// A stretching of the angles.
  public enum Scaling: Equatable, Sendable {
    case none
    /// All angles divided by a factor.
    case linear(factor: Double)
    /// Llama 3.1's: slow pairs divided by the factor, fast ones kept, those between blended.
    /// Source: transformers, `modeling_rope_utils.py`, `_compute_llama3_parameters`.
    case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Double)
    /// The same with a straight ramp between two pairs.
    case yarn(YaRN)
    /// A divisor per pair: one list for texts of up to so many positions, one for longer texts.
    /// Source: LongRoPE, arXiv:2402.13753; transformers, `modeling_rope_utils.py`, `_compute_longrope_parameters`.
    case longrope(short: [Double], long: [Double], originalPositions: Int)
    /// A divisor per pair, as GGUF files carry them in `rope_freqs.weight`.
    case divisors([Float])
  }

  /// Pairs that turn often over the original positions are kept, those that turn seldom divided by the factor.
  ///
  /// - Source: YaRN, arXiv:2309.00071; transformers, `modeling_rope_utils.py`, `_compute_yarn_parameters`.
  public struct YaRN: Equatable, Sendable {
    /// s.
    public var factor: Double
    /// Turns from which on a pair is kept.
    public var fast = 32.0
    /// Turns up to which it is divided.
    public var slow = 1.0
    /// Positions the model was first made for.
    public var originalPositions: Double
    /// Whether both ends of the ramp are whole pairs.
    public var isRounded = true

    /// A stretching with the paper's ramp.
    public init(factor: Double, originalPositions: Double) {
      self.factor = factor
      self.originalPositions = originalPositions
    }

    /// 1 + 0.1 a ln s: what scores grow by, as a root.
    public static func magnitude(_ factor: Double, weight: Double = 1) -> Double {
      factor > 1 ? 1 + 0.1 * weight * log(factor) : 1
    }
  }

  /// A turning.
  public init(
    dimensions: Int, base: Double, isInterleaved: Bool, scaling: Scaling = .none, magnitude: Double = 1
  ) {
    self.dimensions = dimensions
    self.base = base
    self.isInterleaved = isInterleaved
    self.scaling = scaling
    self.magnitude = magnitude
  }

  // Not inlined into other modules: the optimizer of Swift 6.3 ends with an error on the borrowed case there.

  /// The longest text, in positions, that a long text's beginning is turned like; `nil` where a text's length changes nothing.
  @inline(never)
  public var originalPositions: Int? {
    if case .longrope(_, _, let count) = scaling { count } else { nil }
  }
}
