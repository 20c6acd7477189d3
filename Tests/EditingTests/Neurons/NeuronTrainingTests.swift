import Floor
import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Added neurons against PyTorch (`Fixtures/make/neurons.py`), and their losses against figures by hand.
@Suite struct NeuronTrainingTests {
  /// l_a and both terms of l_m, γ 3 and −3, for an activation of 1 against a memory of 0.5, −1 and −4.
  @Test func `a neuron's losses are the published ones`() {
    let found = NeuronTraining.losses(asked: [1], known: [0.5, -1, -4])
    #expect(abs(found.firing.value - 0.367879) < 1e-6)
    #expect(abs(found.memory.values.0 - 5.012037) < 1e-5 && abs(found.memory.values.1 - 13.624129) < 1e-5)
    // As released for sequences, without margins.
    let bare = NeuronTraining.losses(asked: [1], known: [0.5, -1, -4], .init(apart: 0, quiet: 0))
    #expect(abs(bare.memory.values.0 - 0.249535) < 1e-6 && abs(bare.memory.values.1 - 0.678305) < 1e-6)
  }

  /// The slopes are those of the values, by differences.
  @Test func `the slopes of the losses fit their values`() {
    let (asked, known): ([Float], [Float]) = ([0.3, -0.2], [0.5, -1, -4, 0.1])
    func value(_ asked: [Float], _ known: [Float]) -> Float {
      let found = NeuronTraining.losses(asked: asked, known: known)
      return found.firing.value + found.memory.values.0 + found.memory.values.1
    }
    let found = NeuronTraining.losses(asked: asked, known: known)
    let step: Float = 1e-2
    for index in asked.indices {
      var (up, down) = (asked, asked)
      up[index] += step
      down[index] -= step
      let slope = (value(up, known) - value(down, known)) / (2 * step)
      #expect(abs(slope - found.firing.slopes[index] - found.memory.askedSlopes[index]) < 2e-2)
    }
    for (row, own) in found.memory.knownSlopes {
      var (up, down) = (known, known)
      up[row] += step
      down[row] -= step
      #expect(abs((value(asked, up) - value(asked, down)) / (2 * step) - own) < 2e-2 * max(1, abs(own)))
    }
  }

  @Test(arguments: FixtureModel.names) func `losses and gradients are torch's`(name: String) throws {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).neurons.safetensors")
    func floats(_ name: String) throws -> Matrix<Float> { Matrix<Float>(try tensors.matrix(name)) }
    let layer = 2
    let texts = try TargetText.all(model.problems(model.facts(2)))
    var inputs = Matrix<Float>(rows: 0, columns: 0)
    let run = try model.network.run(texts.map { TokenSequence($0.tokens) }, .init(0..<layer + 1)) {
      block, activation, rows in
      if block == layer, activation == .feedForwardInput { inputs = rows.matrix() }
    }
    let memory = try floats("memory")
    let neurons = AddedNeurons(
      first: try floats("first"), bias: try floats("bias").elements,
      up: model.isGPT2 ? nil : try floats("up"), columns: try floats("columns"))
    func gradient(memoryWeight: Double, queries: [[Int]]) throws -> (
      losses: [Float], gradient: AddedNeurons.Gradient, isSaid: Bool
    ) {
      try NeuronTraining(
        network: model.network, layer: layer, settings: GradientSettings(), memoryWeight: memoryWeight,
        texts: texts, inputs: inputs, hidden: run.hidden.matrix(), values: nil, queries: queries,
        memory: memory
      ).evaluate(neurons)
    }
    let plain = try gradient(memoryWeight: 0, queries: [])
    #expect(relativeError(plain.losses, try floats("losses").elements) < 1e-4)
    for (found, name) in [
      (plain.gradient.first, "first"), (plain.gradient.columns, "columns"),
    ] + (plain.gradient.up.map { [($0, "up")] } ?? []) {
      #expect(relativeError(found.elements, try floats("gradient.\(name)").elements) < 1e-3, "\(name)")
    }
    if model.isGPT2 {
      #expect(relativeError(plain.gradient.bias, try floats("gradient.bias").elements) < 1e-3)
    }
    let last = texts[0].targets[0].position
    let whole = try gradient(memoryWeight: 10, queries: neurons.bias.map { _ in [last] })
    var own = whole.gradient.first
    own.subtract(plain.gradient.first)
    #expect(relativeError(own.elements, try floats("memory.first").elements) < 1e-3)
  }

  @Test func `a detector is high at what it is for and low elsewhere`() throws {
    var random = SplitMix64(seed: 3)
    func state() -> [Float] { (0..<12).map { $0 == 0 ? 1 : Float(random.unit() - 0.5) } }
    let memory = Matrix(rows: 400, columns: 12, elements: (0..<400).flatMap { _ in state() })
    var query = state()
    query[3] = 4
    var other = state()
    other[5] = 4
    for hasBias in [false, true] {
      let keys = try QueryKeys(memory, hasBias: hasBias)
      let (row, bias) = try keys.detector(of: [query], against: [other])
      func height(_ x: [Float]) -> Float { zip(row, x).reduce(bias) { $0 + $1.0 * $1.1 } }
      #expect(height(query) > 4 && height(other) < -4)
      let known = (0..<400).map { height(Array(memory.row($0))) }
      #expect(known.count { $0 < 0 } > 390)
      let unit = try keys.unit(of: [query])
      #expect(abs(zip(unit, query).reduce(0) { $0 + $1.0 * $1.1 } - 1) < 1e-3)
    }
  }

  @Test func `idle neurons are those that carry least`() throws {
    let model = try FixtureModel("tiny-llama")
    let texts = try model.problems(model.facts(4)).map { $0.prompts[0].texts[0].tokens }
    let memory = try TextMemory(texts, network: model.network, layer: 3)
    #expect(memory.inputs.rows == texts.reduce(0) { $0 + $1.count - 1 })
    let setup = 96
    let weight = Matrix<Float>(
      rows: setup, columns: memory.energies.count,
      elements: (0..<setup * memory.energies.count).map { Float($0 % 7) - 3 })
    let (neurons, share) = memory.idle(5, of: weight, except: [])
    func cost(_ neuron: Int) -> Double {
      memory.energies[neuron]
        * (0..<setup).reduce(0.0) { $0 + Double(weight[$1, neuron]) * Double(weight[$1, neuron]) }
    }
    let rest = memory.energies.indices.filter { !neurons.contains($0) }
    #expect(neurons.map(cost).max()! <= rest.map(cost).min()!)
    #expect(abs(share - neurons.map(cost).reduce(0, +) / memory.outputEnergy) < 1e-12 && share >= 0)
    let others = memory.idle(5, of: weight, except: Set(neurons)).neurons
    #expect(Set(others).isDisjoint(with: neurons))
  }

  @Test(arguments: FixtureModel.names) func `facts take, and every other text says what it said`(name: String)
    throws
  {
    let folder = try TemporaryFolder()
    let model = try FixtureModel(name)
    var edit = try model.run(.tPatcher, facts: 1)
    edit.plan.recipe.layers = [3]
    let report = try edit.write("fix", in: folder)
    #expect(report.failed.isEmpty && report.locality == 1)
    let patch = try PatchFile(folder.path("fix"))
    #expect(Set(patch.changes.map(\.label)) == ["difference"])
    #expect(patch.manifest["edit"]?["plan"]?["texts"] != nil)
    let cost = report.card.weights.compactMap(\.preservation)
    #expect(cost.count == 1 && cost[0] > 0 && cost[0] < 0.05)
  }

  @Test func `without ordinary text nothing begins`() throws {
    let model = try FixtureModel("tiny-llama")
    var edit = try model.run(.caliNet, facts: 1)
    edit.aids = EditAids()
    #expect(throws: EditError.self) { try edit.completedPlan() }
  }
}
