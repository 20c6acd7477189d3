/// The numbers of methods that work with gradients instead of optimized values.
public struct GradientSettings: Equatable, Sendable {
  /// UltraEdit's η, or the step length of training.
  public var learningRate = 5e-4
  /// Training: passes over the facts at most.
  public var steps = 25
  /// Training: how far each element of the weight may move.
  public var bound = 5e-4

  /// Facts of one update in training.
  /// Source: kmeng01/rome, `baselines/ft/ft_main.py`, which takes 64.
  static let batchCount = 64
  /// A loss below which training has nothing more to do.
  static let learned = 1e-2
}
