extension Sequence<Double> {
  /// The largest number; NaN where one is no number, since no other can be said to be the largest; `nil` of none.
  public var largest: Double? {
    var largest: Double?
    for value in self {
      if value.isNaN { return value }
      largest = Swift.max(largest ?? value, value)
    }
    return largest
  }
}
