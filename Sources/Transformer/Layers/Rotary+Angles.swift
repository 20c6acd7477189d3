internal import Glibc
internal import ModelFiles

extension Rotary {
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
