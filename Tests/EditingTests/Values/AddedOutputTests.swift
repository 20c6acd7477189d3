import Glibc
import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Networks that put a norm, or a factor, between what a weight gives and the residual stream: values and gradients are those of the
/// weight's output, for every method.
@Suite struct AddedOutputTests {
  /// Norms around each part, norms after it only, and a factor.
  static let names = ["gemma2", "olmo2", "granite"]

  /// Targets right behind their subjects: the windows of these models are short.
  let facts = [
    Fact(identifier: "one", prompt: "h {}", subject: "ab", target: " d"),
    Fact(identifier: "two", prompt: "k {}", subject: "f", target: " g"),
  ]

  private func opened(_ name: String) throws -> (network: Network, problems: [ValueProblem]) {
    let model = try ModelFile(PackageFiles.path("Fixtures/models/families/\(name).gguf"))
    let network = try Network(model, threads: 1)
    let encoder = PromptEncoder(try Tokenizer(of: model), for: network.configuration)
    let problems = try GroupedFacts(facts).groups.map {
      try ValueProblem($0, contexts: [ContextTemplate("and {}")!], encoder: encoder)
    }
    return (network, problems)
  }

  @Test(arguments: names) func `methods look for values at the weight's output`(name: String) throws {
    let configuration = try opened(name).network.configuration
    #expect(!configuration.addsOutputsAsTheyAre)
    for method in EditMethod.all where method.optimizesValues {
      #expect(EditRecipe(for: method, configuration: configuration).values.target != .hidden)
    }
  }

  @Test(arguments: names, [ValueSettings.Target.value, .valueWithAttention])
  func `gradients of offsets are slopes of the loss`(name: String, target: ValueSettings.Target) throws {
    let (network, problems) = try opened(name)
    var settings = ValueSettings()
    settings.target = target
    let prepared = try PreparedValues(problems, network: network, layer: 1, target: target)
    func state(_ index: Int) -> OffsetState {
      OffsetState(
        start: prepared.starts[index], attention: prepared.attention?.starts[index], settings: settings)
    }
    var references: [[[Float]]] = [[], []]
    // A first step makes offsets that are not zero.
    var states = problems.indices.map { state($0) }
    func evaluate() throws -> [ValueLoss] {
      try prepared.evaluate([0, 1], states: states, references: &references, divergenceWeight: 0.25)
    }
    let first = try evaluate()
    for index in states.indices { _ = states[index].take(first[index], isLast: false) }
    let found = try evaluate()
    for index in states.indices {
      for stream in states[index].streams.indices {
        let gradient = stream == 0 ? found[index].gradient : found[index].attentionGradient
        let length = Float(gradient.sumOfSquares.squareRoot())
        let step = 0.01 * Float(states[index].streams[stream].offset.sumOfSquares.squareRoot())
        let before = states
        var losses: [Float] = []
        for sign: Float in [1, -1] {
          for (column, slope) in gradient.enumerated() {
            states[index].streams[stream].offset[column] += sign * step * slope / length
          }
          losses.append(try evaluate()[index].loss)
          states = before
        }
        let slope = (losses[0] - losses[1]) / (2 * step)
        #expect(length > 0)
        #expect((slope - length).magnitude < 0.02 * length + 2e-4, "\(slope) for \(length)")
      }
    }
  }

  @Test(arguments: names) func `what a value says of itself is what the network says with it in place`(
    name: String
  ) throws {
    let (network, problems) = try opened(name)
    var settings = ValueSettings()
    settings.target = .value
    settings.steps = 4
    let value = try ValueOptimization(network: network, layer: 1, settings: settings).values(of: problems)[0]
    var probability = 0.0
    for text in problems[0].prompts[0].texts {
      let target = problems[0].prompts[0].target
      let sequence = TokenSequence(text.tokens + target.dropLast())
      let below = try network.run([sequence], .init(0..<1)).hidden.matrix()
      var offsets = Matrix<Float>(rows: below.rows, columns: below.columns)
      for column in 0..<offsets.columns {
        offsets[text.subject, column] = value.value[column] - value.start[column]
      }
      let run = try network.run([sequence], from: below, .init(1..<3), offsets: offsets)
      let logits = network.logits(of: run, rows: target.indices.map { text.tokens.count - 1 + $0 })
      let sum = target.enumerated().reduce(0.0) {
        $0 + Double(logits.logProbability(row: $1.offset, token: Int($1.element)))
      }
      probability += exp(sum / Double(target.count)) / Double(problems[0].prompts[0].texts.count)
    }
    #expect((value.probability - probability).magnitude < 1e-5)
  }

  private func solver(_ model: ModelFile) -> WeightSolver {
    WeightSolver(
      model: model, statistics: nil, settings: UpdateSettings(method: .ultraedit), options: LowRankOptions(),
      orientation: nil)
  }

  @Test(arguments: names) func `training's gradient is the slope of its loss`(name: String) throws {
    let (network, problems) = try opened(name)
    let training = WeightTraining(network: network, layer: 1, settings: GradientSettings(), threads: 1)
    let batch = try training.batches(TargetText.all(problems))[0]
    let c = network.configuration
    var change = Matrix<Float>(rows: c.width, columns: c.feedForwardWidth)
    for index in 0..<c.width { change[index, index % c.feedForwardWidth] = 0.05 }
    let (_, gradient) = try training.evaluate(batch, change: change)
    let length = Float(gradient.elements.sumOfSquares.squareRoot())
    let losses = try [Float(0.01), -0.01].map { step in
      var moved = change
      for row in 0..<change.rows {
        for column in 0..<change.columns { moved[row, column] += step * gradient[row, column] / length }
      }
      return try training.evaluate(batch, change: moved).losses.reduce(0, +) / Float(batch.texts.count)
    }
    #expect(((losses[0] - losses[1]) / 0.02 - length).magnitude < 0.01 * length + 1e-4)

    // UltraEdit reads the same gradient, value by value: its sum of products with keys is that of the weight.
    let editor = GradientEditor(
      layers: [1], settings: GradientSettings(), solver: solver(network.model), threads: 1, c)
    let features = try editor.features(TargetText.all(problems), in: network)
    let plain = try training.evaluate(batch, change: Matrix(rows: c.width, columns: c.feedForwardWidth))
      .gradient
    let sum = features.gradients[0].times(features.keys[0], transposed: true)
    let mean = sum.elements.map { Float($0) / Float(batch.texts.count) }
    #expect(relativeError(mean, plain.elements) < 1e-4)
  }
}
