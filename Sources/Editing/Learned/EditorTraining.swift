public import Floor
internal import LinearAlgebra
public import ModelFiles
internal import Patches
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
    let known = network.configuration.layerCount
    guard let last = layers.last, layers[0] >= 0, last < known, settings.ends.allSatisfy({ $0 <= known })
    else {
      throw EditError.layersOutsideModel(layers: layers + settings.ends, layerCount: known)
    }
    let identity = try identity()
    let left = try unfinished(path, identity)
    let (lessons, counts) = try lessons { progress(.prepared) }
    func result(_ editor: LearnedEditor) -> Result {
      Result(
        editor: editor, trained: counts.seen, heldOut: counts.held, leftOut: counts.leftOut,
        resumed: left.map { $0.unfinished?.steps ?? $0.editor.steps } ?? 0)
    }
    if let left, left.unfinished == nil { return result(left.editor) }
    var run = EditorRun(self, lessons, identity: identity, left: left)
    return try result(run.finish(path, progress))
  }

  /// Facts trained on and held out, and those left out.
  private typealias Counts = (seen: Int, held: Int, leftOut: Int)

  /// What is trained by.
  private func lessons(_ prepared: () -> Void) throws -> (any EditorLessons, Counts) {
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    if settings.kind.findsScopes {
      let found = try ScopeTexts.prepare(
        records, PromptStates(network: network, encoder: encoder), settings, progress: prepared)
      let (seen, held) = try split(found.texts, by: \.subject)
      return (
        ScopeLessons(settings, seen: seen, held: held, width: network.configuration.width),
        (seen.count, held.count, found.leftOut)
      )
    }
    let found = try BLASThreads.with(1) {
      try TrainingTexts.prepare(
        records, network: network, encoder: encoder, layers: settings.layers, kind: settings.kind
      ) { _ in prepared() }
    }
    let (seen, held) = try split(found.texts, by: \.subject)
    return (
      try UpdateLessons(self, seen: seen, held: held), (seen.count, held.count, found.leftOut.count)
    )
  }

  /// Those to train on, and those to choose the best by. What is held out is not to be known from another record of the same subject.
  private func split<Texts>(
    _ texts: [Texts], by subject: (Texts) -> String
  ) throws -> (seen: [Texts], held: [Texts]) {
    let count = min(EditorSettings.validationLimit, Int(Double(texts.count) * settings.heldOut))
    guard count > 0, texts.count - count > 1 else { throw EditError.tooFewToTrain(usable: texts.count) }
    // Every few records, so that all of a file's kinds are among those held out.
    let every = Double(texts.count) / Double(count)
    let held = (0..<count).map { texts[Int((Double($0) + 0.5) * every)] }
    let subjects = Set(held.map(subject))
    let seen = texts.filter { !subjects.contains(subject($0)) }
    guard seen.count > 1 else { throw EditError.tooFewToTrain(usable: texts.count) }
    return (seen, held)
  }

  private func identity() throws -> PlanIdentity {
    let facts = records.map { record in
      ([record.fact] as [Fact]).map { "\($0)" }.joined()
        + (record.paraphrases + record.neighbors).map { "\n\($0.prompt) → \($0.answer ?? "")" }.joined()
    }.joined(separator: "\n\n")
    let ends: [JSONValue.Member] =
      settings.kind.findsScopes ? [.init("ends", .array(settings.ends.map { .integer($0) }))] : []
    return PlanIdentity(
      [
        .init("editor", .string(settings.kind.name)),
        .init("model", .string(try network.model.fingerprint().hexadecimal)),
        .init("tokenizer", .string(try tokenizer.fingerprint(of: network.model).hexadecimal)),
        .init("facts", .string(Digest(of: Array(facts.utf8)).hexadecimal)),
        .init("layers", .array(settings.layers.map { .integer($0) })), .init("rank", .integer(settings.rank)),
        .init("batch", .integer(settings.batch)), .init("steps", .integer(settings.steps)),
        .init("learningRate", .exact(settings.learningRate)),
        .init("editWeight", .exact(settings.editWeight)), .init("heldOut", .exact(settings.heldOut)),
        .init("seed", .string(String(settings.seed))),
      ] + ends)
  }

  /// What stands under the output's name of the same training; refuses that of another.
  private func unfinished(
    _ path: String, _ identity: PlanIdentity
  ) throws -> (editor: LearnedEditor, unfinished: UnfinishedTraining?)? {
    guard let left = try OpenFile.ownContent(path, LearnedEditor.read) else { return nil }
    let difference = left.editor.identity.difference(from: identity)
    guard let difference else { return left }
    // A trained editor may be replaced, as any output; what was being trained is not thrown away.
    guard left.unfinished != nil else { return nil }
    throw EditError.otherEditor(file: path, difference)
  }
}
