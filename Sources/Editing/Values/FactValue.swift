internal import LinearAlgebra

/// An optimized value, and how it was come by.
public struct FactValue: Sendable {
  /// h₀ + δ, as long as a hidden state.
  public internal(set) var value: [Float]
  /// h₀, at the subject's last token of the bare prompt.
  public internal(set) var start: [Float]
  /// Losses before each update, the last one after all; empty for a value read from a file.
  public internal(set) var losses: [Float] = []
  /// Mean over contexts of the geometric-mean probability of the target's tokens, with the value in place.
  public internal(set) var probability: Double = .nan
  /// Whether the clamp bound the offset in the end.
  public internal(set) var isClamped = false
  /// Whether the loss was stopped by its rule, or the target is more probable than not.
  public internal(set) var isReached = false

  /// Whether there is a value at all: methods that take gradients find none.
  public var isVector: Bool { !value.isEmpty }

  /// Whether the search for it met a number: its first loss is one, and so is the value.
  var hasNumbers: Bool { (losses.first?.isFinite ?? true) && value.allSatisfy(\.isFinite) }

  /// ‖δ‖ / ‖h₀‖.
  public var relativeNorm: Double {
    let offset = zip(value, start).map { $0 - $1 }
    return (offset.sumOfSquares / max(start.sumOfSquares, .leastNormalMagnitude)).squareRoot()
  }
}

extension FactValue {
  /// No value, but losses before each step of a method that takes gradients; whether they fell far enough is not for them to
  /// say.
  init(trained losses: [Float]) {
    self.init(value: [], start: [])
    self.losses = losses
    isReached = true
  }
}
