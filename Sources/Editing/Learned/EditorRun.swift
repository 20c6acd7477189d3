internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// A training under way: the network as it is, the best so far, and how far it came.
struct EditorRun {
  private let training: EditorTraining
  private let seen: [TrainingTexts]
  private let held: [TrainingTexts]
  private let pass: EditorPass
  private var updates: any UpdateNetwork
  private var moments: [AdamMoments]
  private let identity: PlanIdentity
  private let shape: EditorShape
  /// The best so far, what it came to, and after how many steps.
  private var best: any UpdateNetwork
  private var measures: EditorMeasures?
  private var bestStep: Int
  private var step: Int
  /// Validations since the best one.
  private var waited: Int

  private var settings: EditorSettings { training.settings }

  /// - Parameter left: where another run was cut off.
  init(
    _ training: EditorTraining, seen: [TrainingTexts], held: [TrainingTexts], identity: PlanIdentity,
    left: (editor: LearnedEditor, unfinished: UnfinishedTraining?)?
  ) throws {
    (self.training, self.seen, self.held, self.identity) = (training, seen, held, identity)
    let (settings, configuration) = (training.settings, training.network.configuration)
    let weights = try settings.layers.map { try EditedMatrix(training.network, layer: $0) }
    pass = EditorPass(
      network: training.network, layers: settings.layers, weights: weights,
      editWeight: Float(settings.editWeight))
    let shape = EditorShape(
      keyWidth: configuration.feedForwardWidth, outputWidth: configuration.width,
      layerCount: settings.layers.count, rank: settings.rank)
    self.shape = shape
    updates =
      left?.editor.network
      ?? BLASThreads.with(1) { Self.untrained(settings, shape, seen.map(\.input), weights) }
    (best, measures, bestStep) = (updates, left?.editor.measures, left?.editor.steps ?? 0)
    let known = left?.unfinished
    if let known { updates.parameters = known.parameters }
    (step, waited) = (known?.steps ?? 0, known?.waited ?? 0)
    let rates = updates.parameters.count - 1
    moments = updates.parameters.enumerated().map { index, matrix in
      let rate = Float(settings.learningRate) * (index == rates ? EditorSettings.rateFactor : 1)
      guard let known else { return AdamMoments(count: matrix.elements.count, rate: rate) }
      return AdamMoments(
        first: known.moments[index].first, second: known.moments[index].second, count: known.steps, rate: rate
      )
    }
  }

  /// Trains to the end, and writes the best.
  ///
  /// - Throws: `PartsError.stopped` where it was told to stop, with what there is saved.
  mutating func finish(
    _ path: String, _ progress: (EditorTraining.Stage) -> Void
  ) throws -> LearnedEditor {
    if measures == nil { try validate(progress) }
    let (start, first) = (ProcessUse.wallSeconds, step)
    var lastSave = start
    while step < settings.steps, waited < settings.patience {
      guard let loss = try take() else { break }
      progress(.step(step, loss: loss))
      if step - first == 5 {
        let each = (ProcessUse.wallSeconds - start) / 5
        progress(.estimated(seconds: each * Double(settings.steps - step)))
      }
      if step % settings.validationInterval == 0 || step == settings.steps { try validate(progress) }
      if training.isStopping() {
        try save(path)
        throw PartsError.stopped(file: path, done: "\(step) of \(settings.steps) steps")
      }
      if ProcessUse.wallSeconds - lastSave >= training.saveInterval {
        try save(path)
        lastSave = ProcessUse.wallSeconds
      }
    }
    var editor = editor
    try editor.write(to: path)
    editor.path = path
    return editor
  }

  /// The best so far.
  private var editor: LearnedEditor {
    LearnedEditor(
      settings.kind, identity: identity, layers: settings.layers, shape: shape, network: best,
      measures: measures, steps: bestStep)
  }

  /// One step, on facts drawn by its number alone; the loss before it, or `nil` for one that is no number.
  private mutating func take() throws -> Double? {
    var draw = SplitMix64(seed: settings.seed &+ UInt64(step) &* 0x9E37)
    let picked = (0..<settings.batch).map { _ in
      let text = seen[draw.below(seen.count)]
      let others = [text.prompt] + text.paraphrases
      return EditorPass.Sample(
        texts: text, edited: others[draw.below(others.count)],
        neighbor: text.neighbors[draw.below(text.neighbors.count)])
    }
    let (loss, gradient) = try pass.gradient(picked, updates)
    guard loss.isFinite else { return nil }
    let norm = gradient.reduce(0.0) { $0 + $1.elements.sumOfSquares }.squareRoot()
    let clip = Float(min(1, EditorSettings.clip / max(norm, 1e-30)))
    for index in moments.indices {
      moments[index].step(&updates.parameters[index], gradient[index].elements.map { $0 * clip })
    }
    step += 1
    return loss
  }

  /// Asks about what is held out, and keeps the network where it is the best.
  private mutating func validate(_ progress: (EditorTraining.Stage) -> Void) throws {
    let found = try pass.measures(held, updates)
    progress(.validated(step: step, found))
    guard measures.map({ found.isBetter(than: $0) }) ?? true else {
      waited += 1
      return
    }
    (best, measures, bestStep, waited) = (updates, found, step, 0)
  }

  private func save(_ path: String) throws {
    try editor.write(
      to: path,
      unfinished: UnfinishedTraining(
        parameters: updates.parameters, moments: moments.map { ($0.first, $0.second) }, steps: step,
        waited: waited))
  }

  /// A network to begin with, whose updates are a share of each weight, ‖Δ‖ / ‖W‖: published is a ρ of 1e-4 for all models, and what that comes
  /// to depends on how long keys are.
  private static func untrained(
    _ settings: EditorSettings, _ shape: EditorShape, _ inputs: [UpdateInput], _ weights: [EditedMatrix]
  ) -> any UpdateNetwork {
    var network = settings.kind.untrained(shape, inputs, settings.seed)
    var norms = weights.map { _ in 0.0 }
    let few = inputs.prefix(16)
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
