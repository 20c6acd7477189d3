internal import Kernels
public import LinearAlgebra
internal import ModelFiles

extension Network {
  /// Where a neuron's numbers stand in a tensor.
  public struct NeuronRows: Equatable, Sendable {
    /// The tensor.
    public let name: String
    /// The first neuron's row, of those that the orientation makes rows.
    public let first: Int
    /// Whether the tensor is stored as its transpose.
    public let isInputMajor: Bool
  }

  /// The tensors of a layer's feed-forward: a neuron is a row of the first projections and a column of the last.
  public struct NeuronTensors: Equatable, Sendable {
    /// What the activation is of: the gate's, or the up-projection where there is none.
    public let first: NeuronRows
    /// The bias of the same; `nil` where there is none.
    public let bias: String?
    /// What the activation is multiplied by.
    public let up: NeuronRows?
    /// The down-projection.
    public let down: String
  }

  /// The tensors of a layer's neurons.
  ///
  /// - Throws: `NetworkError.layerOfExperts`.
  public func neuronTensors(of layer: Int) throws -> NeuronTensors {
    let down = try downProjection(of: layer)
    let family = configuration.family
    func rows(_ role: TensorRole, first: Int = 0) -> NeuronRows? {
      family.tensorName(of: TensorPlace(role, layer: layer), in: model).map {
        NeuronRows(name: $0, first: first, isInputMajor: family.storesInputMajor(role, in: model.format))
      }
    }
    func bias(_ role: TensorRole) -> String? {
      family.tensorName(of: TensorPlace(role, layer: layer, isBias: true), in: model)
    }
    guard configuration.isGated else {
      return NeuronTensors(first: rows(.up)!, bias: bias(.up), up: nil, down: down)
    }
    if let gate = rows(.gate) {
      return NeuronTensors(first: gate, bias: bias(.gate), up: rows(.up)!, down: down)
    }
    return NeuronTensors(
      first: rows(.gateUp)!, bias: nil, up: rows(.gateUp, first: configuration.feedForwardWidth)!, down: down)
  }

  /// What goes into a layer's activation, and what its result is multiplied by where there is a gate. `[rows × keyWidth]` each
  ///
  /// - Parameter inputs: what the feed-forward reads. `[rows × width]`
  /// - Precondition: the layer has one feed-forward, and no experts.
  public func projections(
    of inputs: Matrix<Float>, layer: Int
  ) -> (first: Matrix<Float>, up: Matrix<Float>?) {
    guard let feedForward = blocks[layer].feedForward.one else { preconditionFailure("one feed-forward") }
    let x = work.pool.rows(inputs)
    func projected(_ weight: Linear) -> Matrix<Float> {
      let rows = work.pool.rows(inputs.rows, weight.outputWidth)
      weight.forward(x, into: rows, work: work)
      return rows.matrix()
    }
    guard let gate = feedForward.gate else { return (projected(feedForward.up), nil) }
    return (projected(gate), projected(feedForward.up))
  }

  /// What the feed-forwards make of a neuron's projections: f(first), times `up` where they are gated. `[rows × neurons]`
  public func activated(_ first: Matrix<Float>, times up: Matrix<Float>?) -> Matrix<Float> {
    var result = Matrix<Float>(rows: first.rows, columns: first.columns)
    let count = first.rows * first.columns
    guard count > 0 else { return result }
    first.withUnsafeBufferPointer { x in
      result.withUnsafeMutableBufferPointer { y in
        // SAFETY: all have `count` numbers.
        if let up {
          up.withUnsafeBufferPointer {
            errata_activate_gated(
              configuration.activation.kernel, x.baseAddress!, $0.baseAddress!, y.baseAddress!, count)
          }
        } else {
          errata_activate(configuration.activation.kernel, x.baseAddress!, y.baseAddress!, count)
        }
      }
    }
    return result
  }

  /// The gradients of a neuron's projections, given that of what `activated` makes of them. `[rows × neurons]`
  public func gradient(
    ofFirst first: Matrix<Float>, up: Matrix<Float>?, after gradient: Matrix<Float>
  ) -> (first: Matrix<Float>, up: Matrix<Float>?) {
    var ofFirst = gradient
    var ofUp = gradient
    let count = first.rows * first.columns
    guard count > 0 else { return (ofFirst, up == nil ? nil : ofUp) }
    let kind = configuration.activation.kernel
    first.withUnsafeBufferPointer { x in
      ofFirst.withUnsafeMutableBufferPointer { dx in
        // SAFETY: all have `count` numbers.
        if let up {
          up.withUnsafeBufferPointer { up in
            ofUp.withUnsafeMutableBufferPointer { dup in
              errata_activate_gated_backward(
                kind, x.baseAddress!, up.baseAddress!, dup.baseAddress!, dx.baseAddress!, dup.baseAddress!,
                count)
            }
          }
        } else {
          errata_activate_backward(kind, x.baseAddress!, dx.baseAddress!, dx.baseAddress!, count)
        }
      }
    }
    return (ofFirst, up == nil ? nil : ofUp)
  }
}
