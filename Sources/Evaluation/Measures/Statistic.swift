public import Editing
internal import Glibc

/// What is read off the answers to the probes of one kind.
///
/// Of a prompt x and an answer y of n tokens, `p(y|x)` stands for the geometric mean of the tokens' probabilities,
/// `exp(1/n Σ log p(y_j | x, y_<j))`: it is what CounterFact's measures compare, so that length does not decide.
public enum Statistic: String, CaseIterable, Sendable {
  /// 1[p(answer) > p(rival)].
  case success = ""
  /// p(answer) − p(rival).
  case magnitude = "Magnitude"
  /// 1 where every token of the answer is the most probable one.
  case exact = "Exact"
  /// Share of the answer's tokens that are the most probable ones.
  case tokens = "Tokens"
  /// Share of places in the answer where the most probable token is the one it was before the edit.
  case kept = "Kept"
  /// 1 where the greedy continuation, up to its first full stop or line end, is the answer.
  case spoken = "Spoken"
  /// 1 where the answer occurs in the greedy continuation.
  case mentioned = "Mentioned"
  /// 1 where the first sentence of the greedy continuation, or its line, is that of before the edit.
  case spokenKept = "SpokenKept"

  /// The value for one answered probe; `nil` where the probe or the run does not have what it takes.
  func value(_ answer: ProbeAnswer, before: ProbeAnswer?) -> Double? {
    // What was asked of a network whose logits are no numbers has an answer that is none.
    guard answer.isNumber, before?.isNumber ?? true else { return wants(answer, before) ? .nan : nil }
    switch self {
    case .success:
      guard let (own, rival) = answer.pair else { return nil }
      return own > rival ? 1 : 0
    case .magnitude:
      guard let (own, rival) = answer.pair else { return nil }
      return exp(own) - exp(rival)
    case .exact:
      guard answer.logProbability != nil else { return nil }
      return answer.said == answer.wanted ? 1 : 0
    case .tokens:
      guard answer.logProbability != nil else { return nil }
      return share(answer.said, answer.wanted)
    case .kept:
      guard let before, !answer.said.isEmpty, before.said.count == answer.said.count else { return nil }
      return share(answer.said, before.said)
    case .spoken:
      return answer.isSpoken.map { $0 ? 1 : 0 }
    case .mentioned:
      guard let text = answer.continuation, let wanted = answer.probe.answer else { return nil }
      return SpokenAnswer.mentions(text, wanted) ? 1 : 0
    case .spokenKept:
      return before.flatMap { answer.isSpoken(as: $0) }.map { $0 ? 1 : 0 }
    }
  }

  /// Whether a probe is one that has the statistic.
  private func wants(_ answer: ProbeAnswer, _ before: ProbeAnswer?) -> Bool {
    switch self {
    case .success, .magnitude: answer.pair != nil
    case .exact, .tokens: answer.logProbability != nil
    case .kept: before != nil
    case .spoken, .mentioned: answer.continuation != nil && answer.probe.answer != nil
    case .spokenKept: answer.continuation != nil && before?.continuation != nil
    }
  }

  private func share(_ said: [Int32], _ wanted: [Int32]) -> Double {
    Double(zip(said, wanted).count { $0 == $1 }) / Double(max(wanted.count, 1))
  }

  /// The statistic in words, with its formula.
  var definition: String {
    switch self {
    case .success: "1 if p(answer) > p(rival), strictly; p is the geometric mean of the tokens' probabilities"
    case .magnitude: "p(answer) − p(rival), geometric means of the tokens' probabilities"
    case .exact:
      "1 if every token of the answer is the most probable one after the prompt and the answer's earlier tokens; so would "
        + "greedy decoding say it"
    case .tokens:
      "share of the answer's tokens that are the most probable ones, each after the prompt and the answer's earlier tokens"
    case .kept:
      "share of the answer's places where the most probable token is the base's; where no answer is known, of the one next token"
    case .spoken:
      "1 if the greedy continuation, cut at its first full stop or line end, equals the answer but for case, punctuation and articles"
    case .mentioned: "1 if the answer occurs in the greedy continuation"
    case .spokenKept:
      "1 if the first sentence of the greedy continuation, or its line, equals the base's but for case, punctuation and articles"
    }
  }

  /// Where the definition comes from.
  var source: String {
    switch self {
    case .success, .magnitude:
      "kmeng01/memit experiments/py/eval_utils_counterfact.py, experiments/summarize.py"
    case .exact: "kmeng01/memit experiments/py/eval_utils_counterfact.py (*_acc, *_prompts_correct)"
    case .tokens:
      "kmeng01/memit experiments/py/eval_utils_zsre.py; zjunlp/EasyEdit easyeditor/evaluate (token_em)"
    case .kept: "zjunlp/EasyEdit easyeditor/evaluate (locality *_acc, pre against post)"
    case .spoken: "zjunlp/EasyEdit easyeditor/evaluate (generate mode, exact match)"
    case .mentioned: "scalable-model-editing/unified-model-editing experiments/py (sliding correctness)"
    case .spokenKept: "zjunlp/EasyEdit easyeditor/evaluate (generate mode, locality pre against post)"
    }
  }

  var title: String {
    switch self {
    case .success: "success"
    case .magnitude: "magnitude"
    case .exact: "exact"
    case .tokens: "tokens"
    case .kept: "kept"
    case .spoken: "spoken"
    case .mentioned: "mentioned"
    case .spokenKept: "spoken as before"
    }
  }
}

extension Probe.Kind {
  /// What a probe of this kind asks, in words.
  public var title: String {
    switch self {
    case .efficacy: "efficacy"
    case .paraphrase: "paraphrase"
    case .neighborhood: "neighborhood"
    case .subjectReplace: "subject replaced"
    case .reversedRelation: "reversed relation"
    case .oneHop: "one hop"
    case .logicalGeneralization: "logical generalization"
    case .otherRelation: "other relation"
    case .distractingNeighbor: "distracting neighbor"
    case .forgetfulness: "forgetfulness"
    case .locality: "unrelated text"
    }
  }

  /// What it asks, which answer is meant, and against which rival.
  var definition: String {
    switch self {
    case .efficacy: "the edited prompt; answer: the target, rival: the former target"
    case .paraphrase: "the edited statement in other words; answer: the target, rival: the former target"
    case .neighborhood:
      "the edited prompt about another subject; answer: the former target, rival: the new one"
    case .subjectReplace: "the edited prompt with another name of the subject; answer: the target"
    case .reversedRelation: "a question for the subject, given the target; answer: the subject"
    case .oneHop: "a question that takes the target as a step; answer as the record says"
    case .logicalGeneralization: "what follows from the edit; answer as the record says"
    case .otherRelation: "another property of the subject, which is to stay; answer as the record says"
    case .distractingNeighbor: "a neighbor's prompt behind the edited statement; answer: the neighbor's own"
    case .forgetfulness:
      "other true answers of a relation with several, which are to stay; answer as the record says"
    case .locality: "text that has nothing to do with the edit; answer as the record says"
    }
  }

  /// Portability: what must carry over.
  static let portability: [Probe.Kind] = [
    .subjectReplace, .reversedRelation, .oneHop, .logicalGeneralization,
  ]
  /// Locality beyond neighbors: what must stay.
  static let staying: [Probe.Kind] = [.otherRelation, .distractingNeighbor, .forgetfulness, .locality]
}
