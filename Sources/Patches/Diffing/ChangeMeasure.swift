internal import ModelFiles

/// What a tensor's change amounts to.
public struct ChangeMeasure: Sendable {
  var squaredBase = 0.0
  var squaredChange = 0.0
  /// Elements that differ.
  public internal(set) var changedCount = 0
  var elementCount = 0

  /// ‖Δ‖ / ‖W‖; `nil` for types that are not measured, and where infinities or NaN among the numbers leave no ratio.
  public var relativeChange: Double? {
    guard squaredBase > 0, squaredBase.isFinite, squaredChange.isFinite else { return nil }
    return (squaredChange / squaredBase).squareRoot()
  }
  /// Share of elements that differ.
  public var changedShare: Double { Double(changedCount) / Double(max(elementCount, 1)) }

  mutating func add(_ other: ChangeMeasure) {
    squaredBase += other.squaredBase
    squaredChange += other.squaredChange
    changedCount += other.changedCount
    elementCount += other.elementCount
  }

  var json: JSONValue {
    [
      "relativeChange": relativeChange.map { .measured($0) } ?? .null,
      "changedShare": .measured(changedShare),
    ]
  }
}
