extension JSONValue {
  /// A measurement, to six significant digits: what lies beyond differs between machines and says nothing.
  public static func measured(_ value: Double) -> JSONValue {
    guard value.isFinite, value != 0 else { return value == 0 ? .integer(0) : .null }
    let exponent = Int(value.magnitude.exponentOfTen) - 5
    let scale = tenTo(exponent.magnitude)
    let rounded = exponent < 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
    // A whole number below a million is written as one.
    if rounded.magnitude < 1e6, rounded == rounded.rounded() { return .integer(Int(rounded)) }
    return .number(rounded.isFinite ? rounded : value)
  }

  private static func tenTo(_ power: UInt) -> Double {
    Double("1e\(power)") ?? .infinity
  }
}

extension Double {
  /// The power of ten of the first digit.
  fileprivate var exponentOfTen: Double {
    var exponent = (Double(self.exponent) * 0.301029995663981).rounded(.down)
    // The estimate from the power of two is at most one off.
    if let next = Double("1e\(Int(exponent) + 1)"), magnitude >= next { exponent += 1 }
    return exponent
  }
}
