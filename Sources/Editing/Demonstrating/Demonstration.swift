internal import Transformer

/// One further fact, shown with a question that it answers or leaves as it was.
///
///     New Fact: Ada was born in Oslo
///     Prompt: Ada comes from Oslo
///
/// - Source: IKE (arXiv:2305.12740), the three kinds and their words; Zce1112/IKE `icl.py`.
struct Demonstration: Equatable, Sendable {
  /// What the question shows.
  enum Kind: Sendable {
    /// The prompt itself has the new answer.
    case copy
    /// So has the statement in other words.
    case update
    /// What the fact does not speak of keeps its own.
    case retain
  }

  let kind: Kind
  let text: String

  /// The kinds of demonstrations, from the nearest on: the published list, which IKE shuffles; one in eight copies, three update and four
  /// retain. Beyond its end it begins again.
  private static let order: [Kind] =
    [
      .retain, .update, .retain, .copy, .update, .retain, .retain, .copy, .retain, .retain, .update, .copy,
      .retain, .update, .retain, .copy,
    ] + (0..<8).flatMap { _ in [.update, .retain] as [Kind] }

  /// What the record at a place, counted from the nearest, shows; where it lacks the probe for that, what comes before in the list of kinds.
  ///
  /// Of several prompts the first is taken, where IKE draws one.
  init(_ record: FactRecord, place: Int) {
    let fact = record.fact
    let staying = Self.staying(record)
    var kind = Self.order[place % Self.order.count]
    if kind == .retain, staying == nil { kind = .update }
    if kind == .update, record.paraphrases.isEmpty { kind = .copy }
    self.kind = kind
    let (probe, answer) =
      switch kind {
      case .copy: (record.efficacyProbe, fact.target)
      case .update: (record.paraphrases[0], fact.target)
      case .retain: (staying!, staying!.answer!)
      }
    text = Self.question(fact) + probe.join(before: answer).joining(probe.prompt, answer) + "\n\n"
  }

  /// What the fact does not speak of, if the record has a question about it with its answer.
  private static func staying(_ record: FactRecord) -> Probe? {
    [Probe.Kind.neighborhood, .otherRelation, .forgetfulness, .locality].lazy.flatMap { record.probes($0) }
      .first { $0.answer != nil }
  }

  /// Whether what a record could show speaks of a subject.
  static func mentions(_ subject: String, _ record: FactRecord) -> Bool {
    let prompts = [record.fact.filledPrompt, record.paraphrases.first?.prompt, staying(record)?.prompt]
    return prompts.contains { $0?.contains(subject) == true }
  }

  /// A new fact, up to where the question comes.
  static func question(_ fact: Fact) -> String {
    "New Fact: \(fact.statement)\nPrompt: "
  }
}
