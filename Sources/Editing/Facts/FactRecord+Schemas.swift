// Every field name of the datasets stands in this file and in FactRecord+Probes.swift, and in Formats/facts.md.

internal import Transformer

/// Which answer of a zsRE record is the target.
public enum ZsRETarget: String, CaseIterable, Sendable {
  /// `alt`, a counterfactual, as EasyEdit does; a record whose `alt` is empty is a bad record.
  case alternative
  /// `answers[0]`, the true answer, as memit does; it also puts a question mark behind the locality question.
  case answer
}

extension FactRecord {
  /// Reads a record of any schema; its fields tell which it is.
  ///
  /// - Source: kmeng01/memit `dsets/counterfact.py` and `dsets/zsre.py`, zjunlp/EasyEdit `easyeditor/dataset`.
  init(_ fields: RecordFields, zsRETarget: ZsRETarget) throws(FactsError) {
    if fields.has("requested_rewrite") {
      try self.init(counterFact: fields)
    } else if fields.has("src") {
      try self.init(zsRE: fields, target: zsRETarget)
    } else if fields.has("prompt", "text", "target", "target_new", "labels") {
      try self.init(plain: fields)
    } else {
      throw .unknownSchema(fields.place)
    }
    try addProbes(fields)
  }

  /// CounterFact and multi-CounterFact: the fact is an object of its own.
  private init(counterFact fields: RecordFields) throws(FactsError) {
    guard let rewrite = try fields.object("requested_rewrite") else {
      throw .missingField(fields.place("requested_rewrite"))
    }
    let subject = try rewrite.neededText("subject")
    let prompt = try rewrite.neededPrompt("prompt")
    self.init(
      try FactRecord.fact(
        fields, prompt, subject: subject, target: rewrite.neededTarget("target_new"),
        former: rewrite.text("target_true")))
    relationID = try rewrite.text("relation_id")?.nonEmpty
    targetID = try FactRecord.wikidataID(rewrite, "target_new")
    formerTargetID = try FactRecord.wikidataID(rewrite, "target_true")
  }

  private static func wikidataID(_ rewrite: RecordFields, _ name: String) throws(FactsError) -> String? {
    rewrite.isObject(name) ? try rewrite.object(name)?.text("id")?.nonEmpty : nil
  }

  /// zsRE: questions with the model's former answer, true answers, and a counterfactual one.
  private init(zsRE fields: RecordFields, target: ZsRETarget) throws(FactsError) {
    let subject = try fields.neededText("subject")
    let prompt = try fields.neededPrompt("src")
    let answer = try fields.text("answers")?.nonEmpty
    let prediction = try fields.text("pred")?.nonEmpty
    let wanted: String
    let former: String?
    switch target {
    case .alternative:
      wanted = try fields.neededTarget("alt")
      former = answer ?? prediction
    case .answer:
      wanted = try fields.neededTarget("answers")
      former = prediction == answer ? nil : prediction
    }
    self.init(try FactRecord.fact(fields, prompt, subject: subject, target: wanted, former: former))
    for (question, answer) in try fields.pairs(prompts: ["loc"], answers: ["loc_ans"]) {
      let question = TextJoin.split(prompt: question).prompt
      let mark = target == .answer && !question.hasSuffix("?") ? "?" : ""
      add(.locality, question + mark, answer)
    }
  }

  /// Plain facts, EasyEdit's CounterFact and KnowEdit: the same few fields under several names.
  private init(plain fields: RecordFields) throws(FactsError) {
    let subject = try fields.neededText("subject", "concept")
    let prompt = try fields.neededPrompt("prompt", "text")
    self.init(
      try FactRecord.fact(
        fields, prompt, subject: subject, target: fields.neededTarget("target", "target_new", "labels"),
        former: fields.text("target_true", "ground_truth", "target_old")))
  }

  /// The fact of a record: prompt and target as the file has them, and what it says of what stands between.
  private static func fact(
    _ fields: RecordFields, _ written: WrittenPrompt, subject: String, target: String, former: String?
  ) throws(FactsError) -> Fact {
    let prompt = try PromptTemplate.make(written.text, subject: subject, at: written.place)
    let bare = Fact(identifier: "", prompt: prompt, subject: subject, target: "")
    let (text, join) = TextJoin.split(
      target: target, after: bare.filledPrompt, try fields.join() ?? written.join)
    return Fact(
      identifier: try FactRecord.identifier(fields), prompt: prompt, subject: subject, target: text,
      formerTarget: former?.nonEmpty, join: join)
  }

  private static func identifier(_ fields: RecordFields) throws(FactsError) -> String {
    try fields.text("case_id", "id")?.nonEmpty ?? String(fields.place.record)
  }
}

extension String {
  /// The text, unless it is empty.
  fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
