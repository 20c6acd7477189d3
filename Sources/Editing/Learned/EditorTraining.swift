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
    let prepared = try prepare(progress)
    func result(_ editor: LearnedEditor) -> Result {
      Result(
        editor: editor, trained: prepared.seen, heldOut: prepared.held, leftOut: prepared.leftOut,
        resumed: left.map { $0.unfinished?.steps ?? $0.editor.steps } ?? 0)
    }
    if let left, left.unfinished == nil { return result(left.editor) }
    var run = try EditorRun(self, prepared.lessons, identity: identity, left: left)
    return try result(run.finish(path, progress))
  }

  /// - Throws: `PartsError.stoppedEarly` where it was told to stop: there is nothing to save yet.
  private func prepare(_ progress: (Stage) -> Void) throws -> PreparedLessons {
    var count = 0
    return try settings.kind.lessons(self) {
      if isStopping() { throw PartsError.stoppedEarly(done: "\(count) of \(records.count) records prepared") }
      count += 1
      progress(.prepared)
    }
  }

  /// Puts prompts to the network.
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

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
      ] + ends
        + (settings.isLastLinear
          ? [.init(EditorSettings.lastStepKey, .string(EditorSettings.linear))] : []))
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
