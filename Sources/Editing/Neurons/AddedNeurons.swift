internal import LinearAlgebra
internal import Transformer

/// Neurons that are added to a feed-forward: y + Σ_s f(g_s·x + β_s) (u_s·x) v_s, without u where it is not gated.
struct AddedNeurons {
  /// g, what the activation is of. `[neurons × width]`
  var first: Matrix<Float>
  /// β; zero, and to stay so, where the layer has no bias. `[neurons]`
  var bias: [Float]
  /// u. `[neurons × width]`
  var up: Matrix<Float>?
  /// v. `[neurons × width]`
  var columns: Matrix<Float>

  var count: Int { first.rows }

  /// What the neurons are at some inputs.
  struct Run {
    /// g·x + β. `[rows × neurons]`
    let first: Matrix<Float>
    /// u·x. `[rows × neurons]`
    let up: Matrix<Float>?
    /// `[rows × neurons]`
    let activations: Matrix<Float>
  }

  /// - Parameter inputs: x. `[rows × width]`
  func run(_ inputs: Matrix<Float>, in network: Network) -> Run {
    let first = projected(inputs)
    let up = self.up.map { inputs.times($0, otherTransposed: true) }
    return Run(first: first, up: up, activations: network.activated(first, times: up))
  }

  /// g·x + β. `[rows × neurons]`
  func projected(_ inputs: Matrix<Float>) -> Matrix<Float> {
    inputs.times(first, otherTransposed: true).adding(toEachRow: bias)
  }

  /// The gradient of all their numbers.
  struct Gradient {
    var first: Matrix<Float>
    var bias: [Float]
    var up: Matrix<Float>?
    var columns: Matrix<Float>

    /// Adds that of their projections at some inputs.
    mutating func add(first gradient: Matrix<Float>, at inputs: Matrix<Float>) {
      first.addProduct(gradient, inputs, firstTransposed: true)
      for row in 0..<gradient.rows {
        for (neuron, value) in gradient.row(row).enumerated() { bias[neuron] += value }
      }
    }
  }

  var zeroGradient: Gradient {
    let zero = Matrix<Float>(rows: first.rows, columns: first.columns)
    return Gradient(first: zero, bias: bias.map { _ in 0 }, up: up == nil ? nil : zero, columns: zero)
  }

  /// Adds the gradient of a loss, given that of the down-projection's output. `[rows × width]`
  func backward(
    _ gradient: Matrix<Float>, _ run: Run, at inputs: Matrix<Float>, in network: Network,
    into sum: inout Gradient
  ) {
    sum.columns.addProduct(run.activations, gradient, firstTransposed: true)
    let ofActivations = gradient.times(columns, otherTransposed: true)
    let own = network.gradient(ofFirst: run.first, up: run.up, after: ofActivations)
    sum.add(first: own.first, at: inputs)
    if let up = own.up { sum.up!.addProduct(up, inputs, firstTransposed: true) }
  }
}
