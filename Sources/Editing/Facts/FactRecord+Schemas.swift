// Every field name of the datasets stands in this file and in FactRecord+Probes.swift, and in Formats/facts.md.

internal import Transformer

extension FactRecord {
  /// The facts of a record of any schema; its fields tell which it is, and lists how many facts.
  ///
  /// - Source: kmeng01/memit `dsets/counterfact.py` and `dsets/zsre.py`, zjunlp/EasyEdit `easyeditor/dataset`, princeton-nlp/MQuAKE,
  ///   eric-mitchell/mend `data_classes/zsre.py`.
  static func all(_ fields: RecordFields, _ reading: FactsReading) throws(FactsError) -> [FactRecord] {
    let schemas: [(prompt: [String], subject: [String], read: Reader)] = [
      (["src"], ["subject"], zsRE), (["input"], ["subject"], relations), (plainPrompts, plainSubjects, plain),
    ]
    if fields.has("requested_rewrite") { return try rewrites(fields, reading) }
    let told: Int? =
      if fields.has("src") {
        0
      } else if fields.has("input"), fields.has("output", "alternatives") {
        1
      } else {
        fields.has(plainPrompts + plainTargets) ? 2 : nil
      }
    guard let told else { throw .unknownSchema(fields.place, fields: fields.names) }
    let schema = schemas[told]
    return try each(fields, schema.prompt, schema.subject) { part, identifier throws(FactsError) in
      var record = try schema.read(part, identifier, reading)
      try record.addProbes(part)
      return record
    }
  }

  private typealias Reader = (RecordFields, String, FactsReading) throws(FactsError) -> FactRecord

  /// One record, or one for each element of parallel lists of prompts or subjects: arguments of EasyEdit's `edit` written down.
  private static func each(
    _ fields: RecordFields, _ prompts: [String], _ subjects: [String],
    _ read: (RecordFields, String) throws(FactsError) -> FactRecord
  ) throws(FactsError) -> [FactRecord] {
    let identifierNames = ["case_id", "id"]
    let count = max(fields.listCount(prompts) ?? 1, fields.listCount(subjects) ?? 1)
    guard count > 1 else {
      let identifier = try fields.text(identifierNames)?.nonEmpty ?? String(fields.place.record)
      return [try read(fields, identifier)]
    }
    var records: [FactRecord] = []
    for index in 0..<count {
      let part = fields.sliced(index, of: count)
      let own = try part.text(identifierNames)?.nonEmpty
      let joint = own ?? String(fields.place.record)
      let isList = fields.listCount(identifierNames) != nil && own != nil
      var record = try read(part, isList ? joint : "\(joint).\(index + 1)")
      record.recordIdentifier = joint
      records.append(record)
    }
    return records
  }

  // MARK: CounterFact and MQuAKE

  /// CounterFact and multi-CounterFact: the fact is an object of its own. MQuAKE: a list of such objects, which its questions need all.
  private static func rewrites(
    _ fields: RecordFields, _ reading: FactsReading
  ) throws(FactsError) -> [FactRecord] {
    guard let count = fields.listCount(["requested_rewrite"]) else {
      guard let rewrite = try fields.object("requested_rewrite") else {
        throw .missingField(fields.place("requested_rewrite"))
      }
      let count = max(rewrite.listCount(["prompt"]) ?? 1, rewrite.listCount(["subject"]) ?? 1)
      guard count <= 1 else {
        throw .severalTexts(
          rewrite.place(rewrite.listCount(["prompt"]) == count ? "prompt" : "subject"), count: count)
      }
      return try each(fields, [], []) { fields, identifier throws(FactsError) in
        var record = try FactRecord.rewrite(rewrite, identifier, reading, try fields.join())
        try record.addProbes(fields)
        return record
      }
    }
    guard count > 0 else { throw .emptyField(fields.place("requested_rewrite")) }
    let name = try fields.text(["case_id", "id"])?.nonEmpty ?? String(fields.place.record)
    var records: [FactRecord] = []
    for index in 0..<count {
      guard let rewrite = try fields.sliced(index, of: count).object("requested_rewrite") else {
        throw .missingField(fields.place("requested_rewrite").inner("[\(index)]"))
      }
      var record = try FactRecord.rewrite(
        rewrite, count == 1 ? name : "\(name).\(index + 1)", reading, try fields.join())
      record.recordIdentifier = name
      records.append(record)
    }
    if count > 1, let field = FactRecord.singleProbes.lazy.compactMap({ fields.has($0) ? $0 : nil }).first {
      throw .listCount(fields.place(field), facts: count, found: fields.listCount([field]) ?? 1)
    }
    // The questions go over all hops: they can be asked once the record's last fact is there.
    try records[count - 1].addProbes(fields)
    try records[count - 1].addQuestions(fields)
    return records
  }

  private static func rewrite(
    _ rewrite: RecordFields, _ identifier: String, _ reading: FactsReading, _ join: TextJoin?
  ) throws(FactsError) -> FactRecord {
    var record = FactRecord(
      try fact(
        rewrite, identifier, ["prompt"], ["subject"], target: try rewrite.neededTarget(["target_new"]),
        former: try rewrite.text(["target_true"])?.nonEmpty, reading, join: join))
    record.relationID = try rewrite.text(["relation_id"])?.nonEmpty
    record.targetID = try wikidataID(rewrite, "target_new")
    record.formerTargetID = try wikidataID(rewrite, "target_true")
    try record.addParaphrases(rewrite, ["question"])
    return record
  }

  private static func wikidataID(_ rewrite: RecordFields, _ name: String) throws(FactsError) -> String? {
    rewrite.isObject(name) ? try rewrite.object(name)?.text(["id"])?.nonEmpty : nil
  }

  // MARK: zsRE

  /// zsRE: questions with the model's former answer, true answers, and a counterfactual one.
  private static func zsRE(
    _ fields: RecordFields, _ identifier: String, _ reading: FactsReading
  ) throws(FactsError) -> FactRecord {
    let answer = try fields.text(["answers"])?.nonEmpty
    let prediction = try fields.text(["pred"])?.nonEmpty
    let wanted: String
    let former: String?
    switch reading.zsRETarget {
    case .alternative:
      wanted = try fields.neededTarget(["alt"])
      former = answer ?? prediction
    case .answer:
      wanted = try fields.neededTarget(["answers"])
      former = prediction == answer ? nil : prediction
    }
    var record = FactRecord(
      try fact(fields, identifier, ["src"], ["subject"], target: wanted, former: former, reading))
    for (question, answer) in try fields.pairs(prompts: ["loc"], answers: ["loc_ans"]) {
      let question = TextJoin.split(prompt: question).prompt
      let mark = reading.zsRETarget == .answer && !question.hasSuffix("?") ? "?" : ""
      record.add(.locality, question + mark, answer)
    }
    return record
  }

  /// zsRE as KILT and MEND have it: the question, true answers, a prediction, and alternatives to it.
  private static func relations(
    _ fields: RecordFields, _ identifier: String, _ reading: FactsReading
  ) throws(FactsError) -> FactRecord {
    let names = reading.zsRETarget == .alternative ? ["alternatives"] : ["output"]
    let others = reading.zsRETarget == .alternative ? ["output", "prediction"] : ["prediction"]
    var record = FactRecord(
      try fact(
        fields, identifier, ["input"], ["subject"], target: try fields.neededTarget(names),
        former: try fields.text(others)?.nonEmpty, reading))
    try record.addParaphrases(fields, ["filtered_rephrases"])
    return record
  }

  // MARK: Plain

  static let plainPrompts = ["prompt", "prompts", "text", "question", "questions", "update"]
  static let plainSubjects = ["subject", "subjects", "concept"]
  static let plainTargets = ["target", "targets", "target_new", "labels", "answer", "answers", "ans"]
  static let plainFormers = ["target_true", "ground_truth", "target_old", "old_answer"]

  /// Plain facts, questions with answers, EasyEdit's CounterFact and KnowEdit: the same few fields under several names.
  private static func plain(
    _ fields: RecordFields, _ identifier: String, _ reading: FactsReading
  ) throws(FactsError) -> FactRecord {
    FactRecord(
      try fact(
        fields, identifier, plainPrompts, plainSubjects, target: try fields.neededTarget(plainTargets),
        former: try fields.text(plainFormers)?.nonEmpty, reading))
  }

  /// A fact: prompt and target as the file has them, and what it says of what stands between.
  private static func fact(
    _ fields: RecordFields, _ identifier: String, _ prompts: [String], _ subjects: [String],
    target: String, former: String?, _ reading: FactsReading, join: TextJoin? = nil
  ) throws(FactsError) -> Fact {
    let prompt = try fields.neededPrompt(prompts)
    // A place in the prompt is for a subject, whether the method needs one or not.
    let hasPlace = !prompt.text.byteOffsets(of: Fact.placeholder).isEmpty
    let subject = try fields.subject(subjects, needed: reading.subjects == .needed || hasPlace)
    let needsPlace = reading.subjects == .needed || reading.subjects == .checked && !subject.isEmpty
    let template = try PromptTemplate.make(
      prompt.text, subject: subject, needed: needsPlace, at: prompt.place)
    let bare = Fact(identifier: "", prompt: template, subject: subject, target: "")
    let (text, between) = TextJoin.split(
      target: target, after: bare.filledPrompt, try fields.join() ?? join ?? prompt.join)
    return Fact(
      identifier: identifier, prompt: template, subject: subject, target: text, formerTarget: former,
      join: between)
  }
}

extension String {
  /// The text, unless it is empty.
  var nonEmpty: String? { isEmpty ? nil : self }
}
