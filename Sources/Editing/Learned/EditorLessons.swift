internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// What a network is trained by, and how it is judged.
protocol EditorLessons: Sendable {
  /// Its size.
  var shape: EditorShape { get }
  /// A network to begin with.
  func untrained() -> any TrainedNetwork
  /// How much faster than others a parameter moves.
  func rateFactor(ofParameter index: Int) -> Float
  /// The mean loss over facts drawn by the step's number alone, and its gradient.
  func gradient(
    step: Int, _ network: any TrainedNetwork
  ) throws -> (loss: Double, gradient: [Matrix<Float>])
  /// What the network makes of facts that are held out.
  func measures(_ network: any TrainedNetwork) throws -> EditorMeasures
}

extension EditorSettings {
  /// A draw for a step, by its number alone.
  func draw(step: Int) -> SplitMix64 { SplitMix64(seed: seed &+ UInt64(step) &* 0x9E37) }
}

/// Edits of single facts by a network that makes updates, asked about the fact in other words and about a neighbor.
struct UpdateLessons: EditorLessons {
  let settings: EditorSettings
  let shape: EditorShape
  let seen: [TrainingTexts]
  let held: [TrainingTexts]
  let pass: EditorPass

  init(_ training: EditorTraining, seen: [TrainingTexts], held: [TrainingTexts]) throws {
    (settings, self.seen, self.held) = (training.settings, seen, held)
    let configuration = training.network.configuration
    pass = EditorPass(
      network: training.network, layers: settings.layers,
      weights: try settings.layers.map { try EditedMatrix(training.network, layer: $0) },
      editWeight: Float(settings.editWeight))
    shape = EditorShape(
      keyWidth: configuration.feedForwardWidth, outputWidth: configuration.width,
      layerCount: settings.layers.count, rank: settings.rank)
  }

  func rateFactor(ofParameter index: Int) -> Float {
    // log ρ stands last.
    index == settings.kind.parameters(shape).count - 1 ? EditorSettings.rateFactor : 1
  }

  func gradient(
    step: Int, _ network: any TrainedNetwork
  ) throws -> (loss: Double, gradient: [Matrix<Float>]) {
    var draw = settings.draw(step: step)
    let picked = (0..<settings.batch).map { _ in
      let text = seen[draw.below(seen.count)]
      let others = [text.prompt] + text.paraphrases
      return EditorPass.Sample(
        texts: text, edited: others[draw.below(others.count)],
        neighbor: text.neighbors[draw.below(text.neighbors.count)])
    }
    return try pass.gradient(picked, Self.updates(network))
  }

  func measures(_ network: any TrainedNetwork) throws -> EditorMeasures {
    try pass.measures(held, Self.updates(network))
  }

  private static func updates(_ network: any TrainedNetwork) -> any UpdateNetwork {
    guard let network = network as? any UpdateNetwork else { preconditionFailure("a network of updates") }
    return network
  }

  /// A network to begin with, whose updates are a share of each weight, ‖Δ‖ / ‖W‖: published is a ρ of 1e-4 for all models, and what that comes
  /// to depends on how long keys are.
  func untrained() -> any TrainedNetwork {
    guard var network = settings.kind.untrained?(shape, seen.map(\.input), settings.seed) else {
      preconditionFailure("a kind that makes updates")
    }
    let weights = pass.weights
    var norms = weights.map { _ in 0.0 }
    let few = seen.prefix(16).map(\.input)
    for input in few {
      for (layer, update) in network.run(input).factors.enumerated() {
        norms[layer] +=
          LowRankFactors(
            left: Matrix<Double>(update.left).transposed(), right: Matrix<Double>(update.right)
          ).frobeniusNorm / Double(few.count)
      }
    }
    let rates = network.parameters.count - 1
    for (layer, norm) in norms.enumerated() {
      network.parameters[rates][0, layer] = Float(
        log(EditorSettings.firstShare * weights[layer].weight.frobeniusNorm / max(norm, 1e-30)))
    }
    return network
  }
}
