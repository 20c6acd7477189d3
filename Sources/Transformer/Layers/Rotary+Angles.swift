internal import Glibc
internal import ModelFiles

extension Rotary {
  /// Angle per position of each pair.
  ///
  /// - Parameter isLong: whether the text is longer than those the model was first made for; matters to some ways to stretch.
  func frequencies(isLong: Bool) -> [Double] {
    let plain = (0..<dimensions / 2).map { pow(base, -2 * Double($0) / Double(dimensions)) }
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .divisors(let divisors): return zip(plain, divisors).map { $0 / Double($1) }
    case .longrope(let short, let long, _): return zip(plain, isLong ? long : short).map { $0 / $1 }
    case .yarn(let yarn):
      let ramp = yarn.ramp(dimensions: dimensions, base: base)
      return zip(plain, ramp).map { $0 * (1 - $1) + $0 / yarn.factor * $1 }
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

extension Rotary.YaRN {
  /// How far each pair is divided: 0 for those that are kept, 1 for those that are divided by the whole factor.
  fileprivate func ramp(dimensions: Int, base: Double) -> [Double] {
    /// The pair that turns so often over the original positions.
    func pair(_ turns: Double) -> Double {
      Double(dimensions) * log(originalPositions / (turns * 2 * Double.pi)) / (2 * log(base))
    }
    let (first, last) = (pair(fast), pair(slow))
    let low = max(isRounded ? first.rounded(.down) : first, 0)
    var high = min(isRounded ? last.rounded(.up) : last, Double(dimensions - 1))
    if low == high { high += 0.001 }
    return (0..<dimensions / 2).map { min(max((Double($0) - low) / (high - low), 0), 1) }
  }
}
