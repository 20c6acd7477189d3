public import Editing
public import Transformer
internal import Glibc

/// What a network says to a probe.
public struct ProbeAnswer: Equatable, Sendable {
  /// The question.
  public let probe: Probe
  /// Mean over the answer's tokens of log p, each after the prompt and the tokens before it; `nil` where there is no answer, or
  /// it could not be asked.
  public var logProbability: Double?
  /// The same for the rival.
  public var rivalLogProbability: Double?
  /// The answer's tokens; empty where no answer is known.
  public var wanted: [Int32] = []
  /// The most probable token at each place of the answer; without an answer, the next one.
  public var said: [Int32] = []
  /// What the model goes on with, greedily.
  public var continuation: String?
  /// Whether the network's logits were numbers.
  public var isNumber = true
  /// Whether the probe has more tokens than the network was trained for. Not kept in a file of results.
  public var isBeyondTraining = false
  /// Why the probe could not be put, where a text of it has a token that the network does not have. Not kept in a file of results.
  public var problem: PromptError?

  /// A probe not yet put.
  public init(_ probe: Probe) { self.probe = probe }

  /// Log-probabilities of answer and rival, where there are both.
  var pair: (own: Double, rival: Double)? {
    logProbability.flatMap { own in rivalLogProbability.map { (own, $0) } }
  }

  /// Geometric mean of the probabilities of the answer's tokens.
  public var probability: Double? { logProbability.map { Glibc.exp($0) } }
  /// The same for the rival.
  public var rivalProbability: Double? { rivalLogProbability.map { Glibc.exp($0) } }
  /// Whether the model says the answer by itself; `nil` where it was not let go on, or no answer is known.
  public var isSpoken: Bool? {
    continuation.flatMap { text in probe.answer.map { SpokenAnswer.matches(text, $0) } }
  }
  /// Whether it says by itself what it says in another run, for one sentence or line; `nil` where one of them was not let go on.
  public func isSpoken(as other: ProbeAnswer) -> Bool? {
    continuation.flatMap { text in other.continuation.map { SpokenAnswer.isAlike(text, $0) } }
  }
  /// Whether the probe could be put at all.
  public var isMeasured: Bool { !said.isEmpty || continuation != nil }
}

/// What a network says to all probes of a record.
public struct RecordAnswers: Equatable, Sendable {
  /// The record's name in its file.
  public let identifier: String
  /// The edited prompt first, then those of the record in its order.
  public var probes: [ProbeAnswer]
  /// The prompts for which the target is right already, where they are asked.
  public var attributes: [ProbeAnswer] = []
  /// Measures of generated texts.
  public var texts: [Measure: Double] = [:]
  /// A generated text, to look at.
  public var sample: String?
  /// In a line about no record: the edits that a network was made with.
  public var edit: MadeEdit?

  /// A record not yet asked about.
  public init(identifier: String, probes: [ProbeAnswer]) {
    self.identifier = identifier
    self.probes = probes
  }
}
