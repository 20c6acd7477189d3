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
  public var scaling: Scaling = .none

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

  /// Angle per position of each pair.
  var frequencies: [Double] {
    let plain = (0..<dimensions / 2).map { pow(base, -2 * Double($0) / Double(dimensions)) }
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .divisors(let divisors): return zip(plain, divisors).map { $0 / Double($1) }
    case .llama3(let factor, let low, let high, let original):
      return plain.map { frequency in
        let wavelength = 2 * Double.pi / frequency
        if wavelength < original / high { return frequency }
        if wavelength > original / low { return frequency / factor }
        let share = (original / wavelength - low) / (high - low)
        return (1 - share) * frequency / factor + share * frequency
      }
    }
  }
}
