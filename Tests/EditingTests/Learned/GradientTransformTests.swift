import Glibc
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

/// MEND's network by hand, and its loss through an edit against PyTorch (`Fixtures/make/mend.py`).
@Suite struct GradientTransformTests {
  private func row(_ numbers: [Float]) -> Matrix<Float> {
    Matrix(rows: 1, columns: numbers.count, elements: numbers)
  }

  /// D = 5, V = ones/5, U = (.1, −.2, 0, 0, .3)ᵀ, b = (0, .05, 0, 0, −.1).
  @Test func `two steps of a small network`() {
    let step = [
      Matrix<Float>(rows: 5, columns: 1, elements: [0.1, -0.2, 0, 0, 0.3]),
      Matrix<Float>(rows: 1, columns: 5, elements: [0.2, 0.2, 0.2, 0.2, 0.2]), row([0, 0.05, 0, 0, -0.1]),
      row([1, 1, 1, 1, 1]), row([0, 0, 0, 0, 0]),
    ]
    let transform = GradientTransform(
      EditorShape(keyWidth: 3, outputWidth: 2, layerCount: 1, rank: 1), mean: [0, 0, 0, 0, 0],
      deviation: [1, 1, 1, 1, 1], parameters: step + step + [row([0])])
    let (output, tapes) = transform.run(row([1, 0, 2, -1, 0.5]), layer: 0)
    let first: [Float] = [1.05, 0, 2, -1, 0.55]
    #expect(zip(tapes[1].input.elements, first).allSatisfy { abs($0 - $1) < 1e-6 })
    let second: [Float] = [1.102, 0, 2, -1, 0.606]
    #expect(zip(output.elements, second).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  /// u = (1,2,0), (0,1,−1); δ = (.5,−1), (1,.25): normed by mean and deviation, û are ±.7071 and Δ is −ρ in every element but those that cancel.
  @Test func `an untrained network hands the normed gradient on`() {
    let keys = Matrix<Float>(rows: 2, columns: 3, elements: [1, 2, 0, 0, 1, -1])
    let gradients = Matrix<Float>(rows: 2, columns: 2, elements: [0.5, -1, 1, 0.25])
    let product = gradients.times(keys, transposed: true)
    #expect(product.elements == [0.5, 2, -1, -1, -1.75, -0.25])
    var normalization = FeatureNormalization(width: 5)
    normalization.add(Matrix<Double>(keys).beside(Matrix<Double>(gradients)))
    var transform = GradientTransform(
      EditorShape(keyWidth: 3, outputWidth: 2, layerCount: 1, rank: 2),
      mean: normalization.means.map { Float($0) }, deviation: normalization.deviations.map { Float($0) },
      seed: 0)
    transform.parameters[10][0, 0] = logf(1e-4)
    let normed = transform.normed(keys: keys, gradients: gradients)
    #expect(normed.elements.allSatisfy { abs(abs($0) - 0.70710668) < 1e-5 })
    let (output, _) = transform.run(normed, layer: 0)
    #expect(output == normed)
    let update = transform.factors(output, layer: 0)
    // û falls from the first token to the second, δ̂ rises: their product is −1 everywhere, and the update goes down it.
    #expect(update.left.times(update.right, transposed: true).elements.allSatisfy { abs($0 - 1e-4) < 1e-9 })
  }

  @Test(arguments: FixtureModel.names) func `the loss through an edit and its gradient are torch's`(
    name: String
  )
    throws
  {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).mend.safetensors")
    func floats(_ name: String) throws -> Matrix<Float> { Matrix<Float>(try tensors.matrix(name)) }
    let layers = [1, 2, 3]
    let texts = try TargetText.all(model.problems(model.facts(3)))
    let layered = LayerGradients(network: model.network, layers: layers)
    func part(_ index: Int) throws -> TrainingTexts.Part {
      TrainingTexts.Part(
        text: texts[index], hidden: try layered.inputs(of: [TokenSequence(texts[index].tokens)]),
        isNeighbor: index == 2)
    }
    let fact = try part(0)
    let (rows, terms) = [texts[0]].targetTerms(weight: 1)
    let found = try layered.find(
      [TokenSequence(texts[0].tokens)], from: fact.hidden, rows: rows, terms: terms)
    for (index, layer) in layers.enumerated() {
      let whole = found.gradients[index].times(found.keys[index], transposed: true)
      let wanted = try floats("identity.\(layer)")
      #expect(relativeError(whole.selecting(rows: 0..<4).elements, wanted.elements) < 1e-4, "layer \(layer)")
    }
    let norms = try floats("norms")
    let width = model.network.configuration.feedForwardWidth
    let layout = GradientTransform.layout(
      EditorShape(keyWidth: width, outputWidth: norms.columns - width, layerCount: 3, rank: 4))
    let kept = found.withoutIdleTokens
    let sample = TrainingTexts(
      prompt: fact, paraphrases: [try part(1)], neighbors: [try part(2)],
      input: UpdateInput(keys: kept.keys, gradients: kept.gradients))
    let pass = EditorPass(
      network: model.network, layers: layers,
      weights: try layers.map { try EditedMatrix(model.network, layer: $0) }, editWeight: 0.1)
    for (form, isLastLinear) in [("", false), ("linear.", true)] {
      var shape = EditorShape(
        keyWidth: width, outputWidth: norms.columns - width, layerCount: 3, rank: 4)
      shape.isLastLinear = isLastLinear
      let transform = GradientTransform(
        shape, mean: Array(norms.row(0)), deviation: Array(norms.row(1)),
        parameters: try layout.map { try floats($0.name) })
      let (loss, gradient) = try pass.gradient(
        [.init(texts: sample, edited: sample.paraphrases[0], neighbor: sample.neighbors[0])], transform)
      let wanted = try tensors.matrix("\(form)loss").elements
      #expect(abs(loss - 0.1 * wanted[0] - wanted[1]) < 1e-4 * max(1, loss), "\(form)")
      for (index, name) in layout.map(\.name).enumerated() {
        #expect(
          relativeError(gradient[index].elements, try floats("\(form)gradient.\(name)").elements) < 1e-3,
          "\(form)\(name)")
      }
    }
  }
}
