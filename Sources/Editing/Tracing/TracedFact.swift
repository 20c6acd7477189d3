internal import ModelFiles

/// What restoring single activations does to one fact.
public struct TracedFact: Equatable, Sendable {
  /// What the file calls the fact.
  public let identifier: String
  /// Prompt, subject and answer: which fact it is.
  public let name: [String]
  /// The prompt's tokens as text.
  public let tokens: [String]
  /// Those of the subject.
  public let subject: Range<Int>
  /// Probability of the answer's first token after the prompt as it is.
  public let clean: Double
  /// The same after corrupted subjects, the mean over the samples.
  public let corrupted: Double
  /// The same with one activation restored, for each token from the subject's first on, by layer. `[tokens − subject.lowerBound][layers]`
  public internal(set) var restored: [TraceKind: [[Double]]]

  /// What restoring brings back: the restored probability less the corrupted one.
  public func effect(_ kind: TraceKind, token: Int, layer: Int) -> Double? {
    guard token >= subject.lowerBound, let rows = restored[kind] else { return nil }
    return rows[token - subject.lowerBound][layer] - corrupted
  }
}

/// A fact that was not traced, because the model does not know it.
public struct UnknownFact: Equatable, Sendable {
  /// What the file calls the fact.
  public let identifier: String
  /// Prompt, subject and answer: which fact it is.
  public let name: [String]
  /// What the model says in the answer's place: the most probable token at each place.
  public let said: String
}

/// Kinds of tokens over which effects are averaged.
///
/// - Source: ROME, figure 2; kmeng01/rome, `experiments/causal_trace_frozen_mlp_attn.py` and its notebooks, which pool the tokens of
///   a kind over all facts. A subject of one token is both its first and its last.
public enum TokenClass: String, CaseIterable, Sendable {
  case subjectFirst, subjectMiddle, subjectLast, followingFirst, followingMiddle, last

  /// Its tokens in a prompt.
  public func tokens(of subject: Range<Int>, in count: Int) -> Range<Int> {
    let (first, after, last) = (subject.lowerBound, subject.upperBound, count - 1)
    return switch self {
    case .subjectFirst: first..<first + 1
    case .subjectMiddle: first + 1..<max(first + 1, after - 1)
    case .subjectLast: after - 1..<after
    case .followingFirst: after..<min(after + 1, count)
    case .followingMiddle: after + 1 < last ? after + 1..<last : last..<last
    case .last: last..<last + 1
    }
  }
}

extension TracedFact {
  /// As a trace file carries it.
  var json: JSONValue {
    func numbers(_ rows: [[Double]]) -> JSONValue { .array(rows.map { .array($0.map { .measured($0) }) }) }
    return .object(
      [
        .init("id", .string(identifier)), .init("fact", .array(name.map { .string($0) })),
        .init("tokens", .array(tokens.map { .string($0) })),
        .init("subject", [.integer(subject.lowerBound), .integer(subject.upperBound)]),
        .init("clean", .measured(clean)), .init("corrupted", .measured(corrupted)),
      ]
        + TraceKind.allCases.compactMap { kind -> JSONValue.Member? in
          restored[kind].map { JSONValue.Member(kind.rawValue, numbers($0)) }
        })
  }

  /// `nil` for what is no traced fact of a network of so many layers, in which these kinds were restored.
  init?(_ json: JSONValue, layerCount: Int, kinds: [TraceKind]) {
    func probability(_ value: JSONValue?) -> Double? {
      value?.number.flatMap { (0...1.000001).contains($0) ? $0 : nil }
    }
    let tokens = json["tokens"]?.elements?.compactMap(\.text) ?? []
    let ends = json["subject"]?.elements?.compactMap(\.integer) ?? []
    let name = json["fact"]?.elements?.compactMap(\.text) ?? []
    guard let identifier = json["id"]?.text, name.count == 3, ends.count == 2, ends[0] >= 0,
      ends[0] < ends[1], ends[1] <= tokens.count, tokens.count == json["tokens"]?.elements?.count,
      let clean = probability(json["clean"]), let corrupted = probability(json["corrupted"])
    else { return nil }
    var restored: [TraceKind: [[Double]]] = [:]
    for kind in kinds {
      let rows = (json[kind.rawValue]?.elements ?? []).map {
        ($0.elements ?? []).compactMap { probability($0) }
      }
      guard rows.count == tokens.count - ends[0], rows.allSatisfy({ $0.count == layerCount }) else {
        return nil
      }
      restored[kind] = rows
    }
    (self.identifier, self.name, self.tokens) = (identifier, name, tokens)
    (subject, self.clean, self.corrupted, self.restored) = (ends[0]..<ends[1], clean, corrupted, restored)
  }

  init(
    identifier: String, name: [String], tokens: [String], subject: Range<Int>, clean: Double,
    corrupted: Double
  ) {
    (self.identifier, self.name, self.tokens) = (identifier, name, tokens)
    (self.subject, self.clean, self.corrupted, restored) = (subject, clean, corrupted, [:])
  }
}

extension UnknownFact {
  var json: JSONValue {
    ["id": .string(identifier), "fact": .array(name.map { .string($0) }), "said": .string(said)]
  }

  init?(_ json: JSONValue) {
    let name = json["fact"]?.elements?.compactMap(\.text) ?? []
    guard let identifier = json["id"]?.text, name.count == 3, let said = json["said"]?.text else {
      return nil
    }
    (self.identifier, self.name, self.said) = (identifier, name, said)
  }
}
