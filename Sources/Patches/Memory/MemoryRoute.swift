public import Floor
public import ModelFiles

/// What decides whether a fact of a memory speaks: `Formats/memory.md`, *Routes*.
public enum MemoryRoute: Equatable, Sendable {
  /// Every fact speaks, to every prompt.
  case always
  /// The fact whose subject stands in the question; of several the one whose prompt shares most words with it.
  case subject
  /// The fact whose prompt is so few insertions, deletions and replacements of a character away, at most.
  case near(distance: Int)
  /// The fact whose prompt's words stand in the question, by their weights to this share at least.
  case words(share: Double)
  /// The fact whose key lies nearest to the input of a layer's down-projection at the prompt's last token, within its radius.
  case hidden(layer: Int)
  /// The fact whose embedding by these states has the greatest cosine with the question's, this or more; where `bySubject`, of those alone
  /// whose subject stands in the question.
  case embedding(states: StateChoice, similarity: Double, bySubject: Bool)
  /// The fact in whose scope a trained classifier sees the question: exp(−d²) ≥ ½ for the distance d of what it makes of both.
  case scope(states: StateChoice, bySubject: Bool)
  /// All facts of a part, where what its side weight would add to a layer's output is long at some token of the prompt: for a key k of the
  /// layer's down-projection max ‖left right k‖ ≥ threshold, the first token's aside.
  case activation(layer: Int, threshold: Double)

  /// Characters that two prompts may differ in at most.
  public static let distanceLimit = 64
  /// exp(−d²) from which on a question is in a fact's scope.
  public static let scopeThreshold = 0.5

  /// Its kind, as the manifest names it.
  public var kind: String {
    switch self {
    case .always: "always"
    case .subject: "subject"
    case .near: "near"
    case .words: "words"
    case .hidden: "hidden"
    case .embedding: "embedding"
    case .scope: "scope"
    case .activation: "activation"
    }
  }

  /// Whether it finds one fact by the words of a prompt, whoever wrote it.
  var findsByPrompt: Bool {
    switch self {
    case .subject, .near, .words, .embedding, .scope: true
    case .always, .hidden, .activation: false
    }
  }

  /// Whether it looks at the model's own states, so that it means nothing with another model.
  public var readsStates: Bool {
    switch self {
    case .hidden, .embedding, .scope, .activation: true
    case .always, .subject, .near, .words: false
    }
  }

  /// Arrays that it needs beside the facts, whose names do not depend on the part.
  var arrays: [String] {
    switch self {
    case .always: []
    case .subject: ["phrases.hashes", "phrases.facts"]
    case .near: ["shapes"]
    case .words: ["words.hashes", "words.ends", "words.facts"]
    case .hidden, .activation: []
    case .embedding(_, _, let bySubject), .scope(_, let bySubject): bySubject ? Self.subject.arrays : []
    }
  }

  /// Arrays of its own part, with a row for each of its facts.
  var ownArrays: [String] {
    switch self {
    case .hidden: ["keys", "radii"]
    case .embedding, .scope: ["embeddings"]
    case .always, .subject, .near, .words, .activation: []
    }
  }

  /// Arrays of its own part that all of its facts share.
  var sharedArrays: [String] {
    switch self {
    case .embedding: ["center"]
    case .scope: ["center", "head"]
    case .always, .subject, .near, .words, .hidden, .activation: []
    }
  }

  /// As the manifest has it.
  public var json: JSONValue {
    switch self {
    case .always, .subject: ["kind": .string(kind)]
    case .near(let distance): ["kind": .string(kind), "distance": .integer(distance)]
    case .words(let share): ["kind": .string(kind), "share": .number(share)]
    case .hidden(let layer): ["kind": .string(kind), "layer": .integer(layer)]
    case .embedding(let states, let similarity, let bySubject):
      .object(
        [.init("kind", .string(kind))] + states.json
          + [.init("similarity", .number(similarity)), .init("subject", .bool(bySubject))])
    case .scope(let states, let bySubject):
      .object([.init("kind", .string(kind))] + states.json + [.init("subject", .bool(bySubject))])
    case .activation(let layer, let threshold):
      ["kind": .string(kind), "layer": .integer(layer), "threshold": .number(threshold)]
    }
  }

  /// What of the model's states it looks at; `nil` where it reads words, or one layer's input.
  public var states: StateChoice? {
    switch self {
    case .embedding(let states, _, _), .scope(let states, _): states
    case .always, .subject, .near, .words, .hidden, .activation: nil
    }
  }

  /// The layer whose down-projection's input it looks at; `nil` where it reads words or the stream.
  public var layer: Int? {
    switch self {
    case .hidden(let layer), .activation(let layer, _): layer
    case .always, .subject, .near, .words, .embedding, .scope: nil
    }
  }

  init(_ fields: ManifestFields) throws(PatchError) {
    let kind = try fields.text("kind")
    switch kind {
    case "always": self = .always
    case "subject": self = .subject
    case "near":
      let distance = try fields.count("distance")
      guard distance <= Self.distanceLimit else { throw fields.bad("distance") }
      self = .near(distance: distance)
    case "words":
      guard let share = fields.json["share"]?.number, (0...1).contains(share) else {
        throw fields.bad("share")
      }
      self = .words(share: share)
    case "hidden":
      let layer = try fields.count("layer")
      guard layer < 1 << 16 else { throw fields.bad("layer") }
      self = .hidden(layer: layer)
    case "activation":
      let layer = try fields.count("layer")
      guard layer < 1 << 16 else { throw fields.bad("layer") }
      guard let threshold = fields.json["threshold"]?.number, threshold > 0, threshold.isFinite else {
        throw fields.bad("threshold")
      }
      self = .activation(layer: layer, threshold: threshold)
    case "embedding", "scope":
      let states = try StateChoice(fields)
      guard case .bool(let bySubject)? = fields.json["subject"] else { throw fields.bad("subject") }
      if kind == "scope" {
        self = .scope(states: states, bySubject: bySubject)
        break
      }
      guard let similarity = fields.json["similarity"]?.number, (-1...1).contains(similarity) else {
        throw fields.bad("similarity")
      }
      self = .embedding(states: states, similarity: similarity, bySubject: bySubject)
    default: throw .unknownChange(file: fields.file, field: "route", value: kind)
    }
  }
}

/// What a fact of a memory does when it speaks: `Formats/memory.md`, *Actions*.
public enum MemoryAction: Equatable, Sendable {
  /// The prompt is put into a text with the fact.
  case prompt(text: String)
  /// The output of the layer's down-projection becomes the fact's value at the prompt's last token.
  case replaceOutput
  /// The model asks itself, and the fact is looked up by its questions.
  case loop(MemoryLoop)
  /// A second model, of this tensor digest, reads the prompt in a text with the fact, and answers in the first one's place.
  case secondModel(text: String, model: Digest)
  /// To the layer's down-projection a weight of small rank is added, while this prompt is read and gone on with.
  case replaceWeight

  /// Where the prompt goes in a text.
  public static let question = "{question}"
  /// Longest text, in bytes.
  static let textLimit = 1 << 16

  /// Its kind, as the manifest names it.
  public var kind: String {
    switch self {
    case .prompt: "prompt"
    case .replaceOutput: "replace-output"
    case .loop: "loop"
    case .secondModel: "second-model"
    case .replaceWeight: "replace-weight"
    }
  }

  /// The only route that it goes with; `nil` where it goes with those that do not look at a layer's input.
  public var routeKind: String? {
    switch self {
    case .prompt, .loop, .secondModel: nil
    case .replaceOutput: "hidden"
    case .replaceWeight: "activation"
    }
  }

  /// The loop, where it is one.
  public var loop: MemoryLoop? { if case .loop(let loop) = self { loop } else { nil } }

  /// The text that the prompt is put into, where it is read with facts.
  public var text: String? {
    switch self {
    case .prompt(let text), .secondModel(let text, _): text
    case .loop, .replaceOutput, .replaceWeight: nil
    }
  }

  /// The digest of the model that answers; `nil` where that is the model itself.
  public var secondModel: Digest? { if case .secondModel(_, let model) = self { model } else { nil } }

  /// The same text, for this model to read; itself where it has none.
  public func asking(_ model: Digest) -> MemoryAction {
    text.map { .secondModel(text: $0, model: model) } ?? self
  }

  /// Arrays of its own part.
  var ownArrays: [String] { self == .replaceOutput ? ["values"] : [] }
  /// Arrays of its own part that all of its facts share.
  var sharedArrays: [String] { self == .replaceWeight ? ["left", "right"] : [] }

  /// As the manifest has it.
  public var json: JSONValue {
    switch self {
    case .prompt(let text): ["kind": .string(kind), "text": .string(text)]
    case .replaceOutput, .replaceWeight: ["kind": .string(kind)]
    case .loop(let loop): .object([.init("kind", .string(kind))] + loop.json)
    case .secondModel(let text, let model):
      ["kind": .string(kind), "text": .string(text), "model": .string(model.hexadecimal)]
    }
  }

  /// To put the prompt into a text; `nil` unless it has one place for it, and at most 65536 bytes.
  public init?(text: String) {
    guard text.utf8.count <= Self.textLimit, text.occurrences(of: Self.question) == 1 else { return nil }
    self = .prompt(text: text)
  }

  init(_ fields: ManifestFields) throws(PatchError) {
    let kind = try fields.text("kind")
    switch kind {
    case "prompt":
      guard let action = MemoryAction(text: try fields.text("text")) else { throw fields.bad("text") }
      self = action
    case "second-model":
      guard let action = MemoryAction(text: try fields.text("text")) else { throw fields.bad("text") }
      self = action.asking(try fields.digest("model"))
    case "replace-output": self = .replaceOutput
    case "loop": self = .loop(try MemoryLoop(fields))
    case "replace-weight": self = .replaceWeight
    default: throw .unknownChange(file: fields.file, field: "action", value: kind)
    }
  }
}

extension String {
  /// How often a text that does not overlap itself stands in this one.
  fileprivate func occurrences(of part: String) -> Int {
    let (bytes, wanted) = (Array(utf8), Array(part.utf8))
    guard bytes.count >= wanted.count else { return 0 }
    return (0...(bytes.count - wanted.count)).count { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }
}
