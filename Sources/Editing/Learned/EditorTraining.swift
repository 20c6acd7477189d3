public import Floor
internal import Glibc
internal import LinearAlgebra
public import ModelFiles
internal import Patches
internal import Synchronization
public import Transformer

/// Trains an editor for a model: for each fact an update is made, the edited network is asked about the fact in other words and about
/// something else, and the network of the editor goes down the gradient of
///
///     c_e mean −log p(target | paraphrase; W + Δ) + KL(p_W ‖ p_{W+Δ}) on a neighbor's prompt
///
/// What enters the edited layers never changes, nor do keys and gradients of the facts: they are computed once. A step then runs the blocks
/// from the first edited one on, over a few short texts.
///
/// - Source: arXiv:2110.11309; eric-mitchell/mend, `trainer.py` and `config/alg/mend.yaml`: c_e 0.1, batches of ten edits, Adam.
public struct EditorTraining {
  /// The network, unedited.
  public let network: Network
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// Facts with paraphrases and neighbors.
  public let records: [FactRecord]
  /// Numbers of the training.
  public var settings: EditorSettings
  /// Seconds between two files of what there is so far.
  public var saveInterval = 60.0
  /// Whether to save what there is and stop; asked between steps.
  public var isStopping: @Sendable () -> Bool = { false }

  /// Gathers what training needs.
  public init(network: Network, tokenizer: Tokenizer, records: [FactRecord], settings: EditorSettings) {
    (self.network, self.tokenizer, self.records, self.settings) = (network, tokenizer, records, settings)
  }

  /// What training is doing.
  public enum Stage: Sendable {
    /// Records prepared, one more.
    case prepared
    /// Seconds that the rest may take, once some steps were timed.
    case estimated(seconds: Double)
    /// A step is done.
    case step(Int, loss: Double)
    /// Facts that were held out were asked about.
    case validated(step: Int, EditorMeasures)
  }

  /// What came of it.
  public struct Result: Sendable {
    /// The best editor.
    public let editor: LearnedEditor
    /// Facts trained on and held out, and those left out for want of a neighbor or of room.
    public let (trained, heldOut, leftOut): (Int, Int, Int)
    /// Steps of an interrupted run that were gone on from.
    public let resumed: Int
  }

  /// Trains, and writes the editor.
  ///
  /// - Throws: `EditError.tooFewToTrain`, `badEditor`, `otherEditor` where the file that it would go on from is of another training;
  ///   `PartsError.stopped` where it was told to stop.
  public func write(to path: String, progress: (Stage) -> Void = { _ in }) throws -> Result {
    let layers = settings.layers
    let configuration = network.configuration
    guard let last = layers.last, layers[0] >= 0, last < configuration.layerCount else {
      throw EditError.layersOutsideModel(layers: layers, layerCount: configuration.layerCount)
    }
    let weights = try layers.map { try EditedMatrix(network, layer: $0) }
    let encoder = PromptEncoder(tokenizer, for: configuration)
    let prepared = try BLASThreads.with(1) {
      try TrainingTexts.prepare(
        records, network: network, encoder: encoder, layers: layers, kind: settings.kind
      ) { _ in progress(.prepared) }
    }
    let heldCount = min(
      EditorSettings.validationLimit, Int(Double(prepared.texts.count) * settings.heldOut))
    guard heldCount > 0, prepared.texts.count - heldCount > 1 else {
      throw EditError.tooFewToTrain(usable: prepared.texts.count)
    }
    // Every few records, so that all of a file's kinds are among those held out.
    let every = Double(prepared.texts.count) / Double(heldCount)
    let held = Set((0..<heldCount).map { Int((Double($0) + 0.5) * every) })
    // What is held out is not to be known from another record of the same subject.
    let subjects = Set(held.map { prepared.texts[$0].subject })
    let seen = prepared.texts.indices.filter { !subjects.contains(prepared.texts[$0].subject) }
    guard seen.count > 1 else { throw EditError.tooFewToTrain(usable: prepared.texts.count) }
    let identity = try identity()
    let left = try unfinished(path, identity)
    let shape = EditorShape(
      keyWidth: configuration.feedForwardWidth, outputWidth: configuration.width, layerCount: layers.count,
      rank: settings.rank)
    let texts = prepared.texts
    func editor(
      _ network: any UpdateNetwork, _ measures: EditorMeasures?, _ steps: Int
    ) -> LearnedEditor {
      LearnedEditor(
        settings.kind, identity: identity, layers: layers, shape: shape, network: network,
        measures: measures, steps: steps)
    }
    var updates: any UpdateNetwork =
      left?.editor.network
      ?? BLASThreads.with(1) { untrained(shape, seen.map { texts[$0].input }, weights) }
    var best = editor(updates, left?.editor.measures, left?.editor.steps ?? 0)
    if let known = left?.unfinished { updates.parameters = known.parameters }
    let shown = texts.indices.filter(held.contains).map { texts[$0] }
    let pass = EditorPass(
      network: network, layers: layers, weights: weights, editWeight: Float(settings.editWeight))
    var moments = updates.parameters.enumerated().map { index, matrix in
      let isRate = index == updates.parameters.count - 1
      let rate = Float(settings.learningRate) * (isRate ? EditorSettings.rateFactor : 1)
      guard let known = left?.unfinished?.moments[index] else {
        return AdamMoments(count: matrix.elements.count, rate: rate)
      }
      return AdamMoments(first: known.first, second: known.second, count: left!.unfinished!.steps, rate: rate)
    }
    let resumed = left?.unfinished?.steps ?? (left.map { $0.editor.steps } ?? 0)
    var (step, waited) = (resumed, left?.unfinished?.waited ?? 0)
    if let left, left.unfinished == nil {
      return Result(
        editor: left.editor, trained: seen.count, heldOut: held.count, leftOut: prepared.leftOut.count,
        resumed: resumed)
    }
    func save() throws {
      try best.write(
        to: path,
        unfinished: UnfinishedTraining(
          parameters: updates.parameters, moments: moments.map { ($0.first, $0.second) }, steps: step,
          waited: waited))
    }
    func validate() throws {
      let measures = try pass.measures(shown, updates)
      progress(.validated(step: step, measures))
      if best.measures.map({ measures.isBetter(than: $0) }) ?? true {
        best = editor(updates, measures, step)
        waited = 0
      } else {
        waited += 1
      }
    }
    if best.measures == nil { try validate() }
    var lastSave = ProcessUse.wallSeconds
    let start = ProcessUse.wallSeconds
    while step < settings.steps, waited < settings.patience {
      var draw = SplitMix64(seed: settings.seed &+ UInt64(step) &* 0x9E37)
      let picked = (0..<settings.batch).map { _ in
        let text = texts[seen[draw.below(seen.count)]]
        let others = [text.prompt] + text.paraphrases
        return EditorPass.Sample(
          texts: text, edited: others[draw.below(others.count)],
          neighbor: text.neighbors[draw.below(text.neighbors.count)])
      }
      let (loss, gradient) = try pass.gradient(picked, updates)
      guard loss.isFinite else { break }
      let norm = gradient.reduce(0.0) { $0 + $1.elements.sumOfSquares }.squareRoot()
      let clip = Float(min(1, EditorSettings.clip / max(norm, 1e-30)))
      for index in moments.indices {
        moments[index].step(&updates.parameters[index], gradient[index].elements.map { $0 * clip })
      }
      step += 1
      progress(.step(step, loss: loss))
      if step - resumed == 5 {
        let each = (ProcessUse.wallSeconds - start) / 5
        progress(.estimated(seconds: each * Double(settings.steps - step)))
      }
      if step % settings.validationInterval == 0 || step == settings.steps { try validate() }
      if isStopping() {
        try save()
        throw PartsError.stopped(file: path, done: "\(step) of \(settings.steps) steps")
      }
      if ProcessUse.wallSeconds - lastSave >= saveInterval {
        try save()
        lastSave = ProcessUse.wallSeconds
      }
    }
    try best.write(to: path)
    best.path = path
    return Result(
      editor: best, trained: seen.count, heldOut: held.count, leftOut: prepared.leftOut.count,
      resumed: resumed)
  }

  /// A network to begin with, whose updates are a share of each weight, ‖Δ‖ / ‖W‖: published is a ρ of 1e-4 for all models, and what that comes
  /// to depends on how long keys are.
  private func untrained(
    _ shape: EditorShape, _ inputs: [UpdateInput], _ weights: [EditedMatrix]
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

  private func identity() throws -> PlanIdentity {
    let facts = records.map { record in
      ([record.fact] as [Fact]).map { "\($0)" }.joined()
        + (record.paraphrases + record.neighbors).map { "\n\($0.prompt) → \($0.answer ?? "")" }.joined()
    }.joined(separator: "\n\n")
    return PlanIdentity([
      .init("editor", .string(settings.kind.name)),
      .init("model", .string(try network.model.fingerprint().hexadecimal)),
      .init("tokenizer", .string(try tokenizer.fingerprint(of: network.model).hexadecimal)),
      .init("facts", .string(Digest(of: Array(facts.utf8)).hexadecimal)),
      .init("layers", .array(settings.layers.map { .integer($0) })), .init("rank", .integer(settings.rank)),
      .init("batch", .integer(settings.batch)), .init("steps", .integer(settings.steps)),
      .init("learningRate", .exact(settings.learningRate)),
      .init("editWeight", .exact(settings.editWeight)), .init("heldOut", .exact(settings.heldOut)),
      .init("seed", .string(String(settings.seed))),
    ])
  }

  /// What stands under the output's name of the same training; refuses that of another.
  private func unfinished(
    _ path: String, _ identity: PlanIdentity
  ) throws -> (editor: LearnedEditor, unfinished: UnfinishedTraining?)? {
    guard Folder.fileExists(path), let left = try? LearnedEditor.read(path) else { return nil }
    let difference = left.editor.identity.difference(from: identity)
    guard let difference else { return left }
    // A trained editor may be replaced, as any output; what was being trained is not thrown away.
    guard left.unfinished != nil else { return nil }
    throw EditError.otherEditor(file: path, difference)
  }
}
