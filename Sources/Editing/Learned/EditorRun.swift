internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// A training under way: the network as it is, the best so far, and how far it came.
struct EditorRun {
  private let training: EditorTraining
  private let lessons: any EditorLessons
  private var network: any TrainedNetwork
  private var moments: [AdamMoments]
  private let identity: PlanIdentity
  private let shape: EditorShape
  /// The best so far, what it came to, and after how many steps.
  private var best: any TrainedNetwork
  private var measures: EditorMeasures?
  private var bestStep: Int
  private var step: Int
  /// Validations since the best one.
  private var waited: Int

  private var settings: EditorSettings { training.settings }

  /// - Parameter left: where another run was cut off.
  init(
    _ training: EditorTraining, _ lessons: any EditorLessons, identity: PlanIdentity,
    left: (editor: LearnedEditor, unfinished: UnfinishedTraining?)?
  ) throws {
    (self.training, self.lessons, self.identity) = (training, lessons, identity)
    shape = lessons.shape
    network = try left?.editor.network ?? BLASThreads.with(1) { try lessons.untrained() }
    (best, measures, bestStep) = (network, left?.editor.measures, left?.editor.steps ?? 0)
    let known = left?.unfinished
    if let known { network.parameters = known.parameters }
    (step, waited) = (known?.steps ?? 0, known?.waited ?? 0)
    moments = network.parameters.enumerated().map { index, matrix in
      let rate = Float(training.settings.learningRate) * lessons.rateFactor(ofParameter: index)
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
    let (loss, gradient) = try lessons.gradient(step: step, network)
    guard loss.isFinite else { return nil }
    let norm = gradient.reduce(0.0) { $0 + $1.elements.sumOfSquares }.squareRoot()
    let clip = Float(min(1, EditorSettings.clip / max(norm, 1e-30)))
    for index in moments.indices {
      moments[index].step(&network.parameters[index], gradient[index].elements.map { $0 * clip })
    }
    step += 1
    return loss
  }

  /// Asks about what is held out, and keeps the network where it is the best.
  private mutating func validate(_ progress: (EditorTraining.Stage) -> Void) throws {
    let found = try lessons.measures(network)
    progress(.validated(step: step, found))
    guard measures.map({ found.isBetter(than: $0) }) ?? true else {
      waited += 1
      return
    }
    (best, measures, bestStep, waited) = (lessons.settled(network), found, step, 0)
  }

  private func save(_ path: String) throws {
    try editor.write(
      to: path,
      unfinished: UnfinishedTraining(
        parameters: network.parameters, moments: moments.map { ($0.first, $0.second) }, steps: step,
        waited: waited))
  }
}
