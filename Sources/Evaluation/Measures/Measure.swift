public import Editing

/// One number by which an edit is judged.
public enum Measure: Hashable, Sendable {
  /// A statistic of the answers to one kind of probe.
  case probes(Probe.Kind, Statistic)
  /// Harmonic mean of efficacy, paraphrase and neighborhood success.
  case score
  /// Token accuracy over the kinds that must carry over.
  case portability
  /// Kept answers over the kinds that must stay.
  case locality
  /// The target against the former one where the target is right already.
  case attributes
  /// Entropy of n-grams of generated texts, with their prompts, as memit takes it.
  case fluency
  /// The same without the prompts.
  case fluencyOfContinuations
  /// The same over the model's own tokens, against the most there could be.
  case fluencyOfTokens
  /// Cosine of TF-IDF vectors of generated and reference texts.
  case consistency
  /// Perplexity of texts about the subject.
  case essence
  /// Multiple choice by mean log-probability of the choice's tokens.
  case choices
  /// The same by their sum.
  case choicesBySum
  /// Perplexity of a text.
  case perplexity
  /// Tokens of the prompts that go through other experts than in the base.
  case routing

  /// Every measure, in the order of tables.
  public static let all: [Measure] =
    [.score]
    + Probe.Kind.allCases.flatMap { kind in Statistic.allCases.map { .probes(kind, $0) } }
    + [
      .portability, .locality, .attributes, .fluency, .fluencyOfContinuations, .fluencyOfTokens, .consistency,
      .essence,
      .choices, .choicesBySum, .perplexity, .routing,
    ]

  /// Those that one record has by itself.
  static let ofRecords: [Measure] = all.filter {
    ![.score, .choices, .choicesBySum, .perplexity, .routing].contains($0)
  }

  /// How it is written in JSON.
  public var name: String {
    switch self {
    // `locality` is the sum of several kinds.
    case .probes(.locality, let statistic): "unrelated" + statistic.rawValue
    case .probes(let kind, let statistic): kind.rawValue + statistic.rawValue
    default: "\(self)"
    }
  }

  /// What a number of it means.
  public enum Unit: Sendable {
    /// From 0 to 1, or to −1 for a difference.
    case share
    /// Anything.
    case number
  }

  /// What its numbers mean.
  public var unit: Unit {
    switch self {
    case .fluency, .fluencyOfContinuations, .essence, .perplexity: .number
    default: .share
    }
  }

  /// Whether less of it is better.
  public var isBetterSmall: Bool { [.perplexity, .essence, .attributes, .routing].contains(self) }

  /// The name for people.
  public var title: String {
    switch self {
    case .probes(let kind, let statistic): "\(kind.title), \(statistic.title)"
    case .score: "Score"
    case .portability: "portability"
    case .locality: "locality"
    case .attributes: "attribute prompts"
    case .fluency: "fluency"
    case .fluencyOfContinuations: "fluency without prompts"
    case .fluencyOfTokens: "fluency of tokens"
    case .consistency: "consistency"
    case .essence: "essence"
    case .choices: "multiple choice"
    case .choicesBySum: "multiple choice, by sum"
    case .perplexity: "perplexity"
    case .routing: "tokens to other experts"
    }
  }
}
