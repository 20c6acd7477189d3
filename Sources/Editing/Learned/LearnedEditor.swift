internal import Floor
internal import LinearAlgebra
internal import Patches
public import ModelFiles
public import Transformer

/// An editor that was trained for one model: `Formats/editor.md`.
public struct LearnedEditor: Sendable {
  /// The file; empty while it is in memory alone.
  public internal(set) var path = ""
  /// What it was trained for and with.
  public let identity: PlanIdentity
  /// The edited layers, rising.
  public let layers: [Int]
  /// SERAC: blocks at whose entry a text's last token is looked at.
  public var ends: [Int] {
    identity.members.first { $0.key == "ends" }?.value.elements?.compactMap(\.integer) ?? []
  }
  /// Which kind it is: the method that applies it.
  public let kind: EditorKind
  let network: any TrainedNetwork
  let shape: EditorShape
  /// What training came to.
  public var measures: EditorMeasures?
  /// Steps of training.
  public var steps = 0
  /// Of each layer what ρ is multiplied by: −1 goes down the gradient, and a published editor may add its update.
  var signs: [Float]
  /// Of a published editor: weights that it also changed, and this one does not.
  public var leftOut: Int { member("leftOut")?.integer ?? 0 }

  init(
    _ kind: EditorKind, identity: PlanIdentity, layers: [Int], shape: EditorShape,
    network: any TrainedNetwork,
    measures: EditorMeasures? = nil, steps: Int = 0
  ) {
    (self.kind, self.identity, self.layers, self.shape) = (kind, identity, layers, shape)
    (self.network, self.measures, self.steps) = (network, measures, steps)
    signs = layers.map { _ in -1 }
    if let told = member("signs")?.elements { signs = told.compactMap(\.number).map { Float($0) } }
  }

  func member(_ key: String) -> JSONValue? { identity.members.first { $0.key == key }?.value }

  /// A published editor that belongs to no model yet, as one of this model.
  ///
  /// - Throws: `EditError.badEditor` for one that has a model, or does not fit it.
  public func bound(to network: Network, _ tokenizer: Tokenizer) throws -> LearnedEditor {
    func bad(_ what: String) -> EditError { .badEditor(file: path, what: what) }
    guard member("model") == nil else {
      throw bad("it belongs to a model already: it was trained by errata, or bound before")
    }
    guard !kind.findsScopes else { throw bad("it makes no updates") }
    let widths = [network.configuration.feedForwardWidth, network.configuration.width]
    guard widths == [shape.keyWidth, shape.outputWidth] else {
      throw bad(
        "its keys and outputs are \(shape.keyWidth) and \(shape.outputWidth) long, those of the model's feed-forwards \(widths[0]) and \(widths[1])"
      )
    }
    guard let last = layers.last, last < network.configuration.layerCount else {
      throw bad(
        "it changes layer \(layers.last ?? 0), and the model's last is \(network.configuration.layerCount - 1)"
      )
    }
    for layer in layers { _ = try network.downProjection(of: layer) }
    let identity = PlanIdentity(
      [
        .init("editor", .string(kind.name)),
        .init("model", .string(try network.model.fingerprint().hexadecimal)),
        .init("tokenizer", .string(try tokenizer.fingerprint(of: network.model).hexadecimal)),
      ] + self.identity.members.filter { $0.key != "editor" })
    return LearnedEditor(
      kind, identity: identity, layers: layers, shape: shape, network: self.network, measures: measures,
      steps: steps)
  }

  /// Writes it under a name.
  public func write(toFile path: String) throws { try write(to: path) }

  /// What tells it apart from others.
  var digest: Digest {
    var bytes = Array(identity.text.utf8)
    for matrix in network.parameters { bytes += matrix.elements.withUnsafeBytes { Array($0) } }
    return Digest(of: bytes)
  }

  /// Refuses a model that it was not trained for.
  ///
  /// - Throws: `EditError.editorOfOtherModel`.
  public func require(_ network: Network) throws {
    let model = try network.model.fingerprint().hexadecimal
    let known = identity.members.first { $0.key == "model" }?.value.text
    let (width, count) = (network.configuration.width, network.configuration.layerCount)
    let keyWidth =
      kind.findsScopes ? (layers.count + ends.count) * width : network.configuration.feedForwardWidth
    guard known == model, [keyWidth, width] == [shape.keyWidth, shape.outputWidth],
      layers.allSatisfy({ $0 < count }), ends.allSatisfy({ (0...count).contains($0) }),
      layers.count + ends.count <= StateChoice.limit || !kind.findsScopes
    else { throw EditError.editorOfOtherModel(file: path, found: known ?? "", wanted: model) }
  }
}

/// Rates of facts that an editor was not trained on.
public struct EditorMeasures: Equatable, Sendable {
  /// Facts that are said; of SERAC, whose own prompt is in their scope.
  public var efficacy = 0.0
  /// Paraphrases that are answered likewise, or are in the fact's scope.
  public var paraphrase = 0.0
  /// Neighbors' answers that stay; of SERAC, other prompts about the subject that are outside.
  public var locality = 0.0
  /// How many facts there were.
  public var count = 0

  /// The harmonic mean of the three; zero where one is.
  public var score: Double {
    let all = [efficacy, paraphrase, locality]
    return all.contains(0) ? 0 : 3 / all.reduce(0) { $0 + 1 / $1 }
  }

  /// Whether these are better; where both scores are zero, by what is said.
  func isBetter(than other: EditorMeasures) -> Bool {
    (score, efficacy + paraphrase) > (other.score, other.efficacy + other.paraphrase)
  }

  /// As files and `--json` carry it.
  public var json: JSONValue {
    [
      "efficacy": .measured(efficacy), "paraphrase": .measured(paraphrase), "locality": .measured(locality),
      "count": .integer(count),
    ]
  }

  init() {}

  init?(_ json: JSONValue) {
    guard let efficacy = json["efficacy"]?.number, let paraphrase = json["paraphrase"]?.number,
      let locality = json["locality"]?.number, let count = json["count"]?.integer
    else { return nil }
    (self.efficacy, self.paraphrase, self.locality, self.count) = (efficacy, paraphrase, locality, count)
  }
}
