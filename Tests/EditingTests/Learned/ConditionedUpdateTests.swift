import LinearAlgebra
import TestSupport
import Testing

@testable import Editing

/// KE's network against torch's own (`Fixtures/make/ke.py`).
@Suite struct ConditionedUpdateTests {
  private let tensors: ReferenceTensors
  private let shape = EditorShape(keyWidth: 9, outputWidth: 6, layerCount: 2, rank: 5)

  init() throws { tensors = try ReferenceTensors("ke.safetensors") }

  private func floats(_ name: String) throws -> Matrix<Float> { Matrix<Float>(try tensors.matrix(name)) }

  private func input() throws -> UpdateInput {
    UpdateInput(
      keys: try (0..<2).map { try floats("keys.\($0)") },
      gradients: try (0..<2).map { try floats("gradients.\($0)") }, words: try floats("words"))
  }

  @Test func `updates and gradients are torch's`() throws {
    let layout = ConditionedUpdate.layout(shape)
    let network = ConditionedUpdate(shape, parameters: try layout.map { try floats($0.name) })
    for (matrix, part) in zip(network.parameters, layout) {
      #expect([matrix.rows, matrix.columns] == part.shape)
    }
    let run = network.run(try input())
    var slopes: [UpdateFactors] = []
    for (layer, update) in run.factors.enumerated() {
      let whole = update.left.times(update.right, transposed: true)
      #expect(relativeError(whole.elements, try floats("update.\(layer)").elements) < 1e-5, "\(layer)")
      // The gradient by Δ in factors of full rank: as gradients G = slope and keys K = 1.
      var unit = Matrix<Float>(rows: 9, columns: 9)
      for index in 0..<9 { unit[index, index] = 1 }
      slopes.append(
        update.gradient(keys: unit, gradients: try floats("slope.\(layer)").transposed()))
    }
    var sum = network.zeroGradient
    run.backward(slopes, &sum)
    for (index, part) in layout.enumerated() {
      let wanted = try floats("gradient.\(part.name)").elements
      #expect(relativeError(sum[index].elements, wanted) < 1e-4, "\(part.name)")
    }
  }

  /// c₁ is one and c₂ nearly zero, so an untrained update goes down the gradient.
  @Test func `an untrained network goes down the gradient`() throws {
    let network = ConditionedUpdate(shape, seed: 3)
    let input = try input()
    for (layer, update) in network.run(input).factors.enumerated() {
      let whole = update.left.times(update.right, transposed: true)
      let gradient = input.gradients[layer].times(input.keys[layer], transposed: true)
      let along = zip(whole.elements, gradient.elements).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(along < 0)
    }
  }
}
