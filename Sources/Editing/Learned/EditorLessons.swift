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
  func untrained() throws -> any TrainedNetwork
  /// How much faster than others a parameter moves.
  func rateFactor(ofParameter index: Int) -> Float
  /// The mean loss over facts drawn by the step's number alone, and its gradient.
  func gradient(
    step: Int, _ network: any TrainedNetwork
  ) throws -> (loss: Double, gradient: [Matrix<Float>])
  /// What the network makes of facts that are held out.
  func measures(_ network: any TrainedNetwork) throws -> EditorMeasures
  /// The network as it is to be used, with what is chosen by facts that are held out.
  func settled(_ network: any TrainedNetwork) -> any TrainedNetwork
}

extension EditorLessons {
  /// As it is: nothing is chosen.
  func settled(_ network: any TrainedNetwork) -> any TrainedNetwork { network }
}

/// Lessons, with the numbers of facts trained on and held out, and of those left out.
struct PreparedLessons {
  let lessons: any EditorLessons
  let (seen, held, leftOut): (Int, Int, Int)
}

extension EditorSettings {
  /// A draw for a step, by its number alone.
  func draw(step: Int) -> SplitMix64 { SplitMix64(seed: seed &+ UInt64(step) &* 0x9E37) }

  /// Those to train on, and those to choose the best by. What is held out is not to be known from another record of the same subject.
  func split<Texts>(
    _ texts: [Texts], by subject: (Texts) -> String
  ) throws -> (seen: [Texts], held: [Texts]) {
    let count = min(Self.validationLimit, Int(Double(texts.count) * heldOut))
    guard count > 0, texts.count - count > 1 else { throw EditError.tooFewToTrain(usable: texts.count) }
    // Every few records, so that all of a file's kinds are among those held out.
    let every = Double(texts.count) / Double(count)
    let held = (0..<count).map { texts[Int((Double($0) + 0.5) * every)] }
    let subjects = Set(held.map(subject))
    let seen = texts.filter { !subjects.contains(subject($0)) }
    guard seen.count > 1 else { throw EditError.tooFewToTrain(usable: texts.count) }
    return (seen, held)
  }
}

/// Edits of single facts by a network that makes updates, asked about the fact in other words and about a neighbor.
struct UpdateLessons: EditorLessons {
  let settings: EditorSettings
  let shape: EditorShape
  let seen: [TrainingTexts]
  let held: [TrainingTexts]
  let pass: EditorPass
  private let first: First

  /// An untrained network, with ρ = 1.
  typealias First =
    @Sendable (EditorShape, _ inputs: [UpdateInput], _ seed: UInt64) throws -> any UpdateNetwork

  /// Those of a kind whose networks begin so.
  static func from(
    _ first: @escaping First
  ) -> @Sendable (EditorTraining, () throws -> Void) throws -> PreparedLessons {
    { training, prepared in
      let settings = training.settings
      let found = try BLASThreads.with(1) {
        try TrainingTexts.prepare(
          training.records, network: training.network, encoder: training.encoder, layers: settings.layers,
          kind: settings.kind, progress: prepared)
      }
      let (seen, held) = try settings.split(found.texts, by: \.subject)
      return PreparedLessons(
        lessons: try UpdateLessons(training, seen: seen, held: held, first: first), seen: seen.count,
        held: held.count, leftOut: found.leftOut.count)
    }
  }

  private init(
    _ training: EditorTraining, seen: [TrainingTexts], held: [TrainingTexts], first: @escaping First
  ) throws {
    (settings, self.seen, self.held, self.first) = (training.settings, seen, held, first)
    let configuration = training.network.configuration
    pass = EditorPass(
      network: training.network, layers: settings.layers,
      weights: try settings.layers.map { try EditedMatrix(training.network, layer: $0) },
      editWeight: Float(settings.editWeight))
    shape = EditorShape(
      keyWidth: configuration.feedForwardWidth, outputWidth: configuration.width,
      layerCount: settings.layers.count, rank: settings.rank, isLastLinear: settings.isLastLinear)
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
  func untrained() throws -> any TrainedNetwork {
    var network = try first(shape, seen.map(\.input), settings.seed)
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
