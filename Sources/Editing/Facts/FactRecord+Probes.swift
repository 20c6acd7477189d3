internal import ModelFiles
internal import Transformer

extension FactRecord {
  /// Reads the probes, whichever of them a record of any schema has.
  ///
  /// Fields of CounterFact and EasyEdit, those that the survey's files add to CounterFact and zsRE, and KnowEdit's groups.
  mutating func addProbes(_ fields: RecordFields) throws(FactsError) {
    try addParaphrases(
      fields,
      ["paraphrase_prompts", "rephrase_prompt", "rephrase_prompts", "rephrase", "para_question", "personas"])
    try addNeighbors(fields)
    attributePrompts = try fields.prompts("attribute_prompts").map { TextJoin.split(prompt: $0).prompt }
    generationPrompts = try fields.prompts("generation_prompts").map {
      filled(TextJoin.split(prompt: $0).prompt)
    }

    for alias in try fields.prompts("alternative_subject") {
      add(.subjectReplace, fact.prompt(about: alias.trimmed), fact.target, against: fact.formerTarget)
    }
    for question in try fields.prompts("alter_subject_question") {
      add(.subjectReplace, question, fact.target, against: fact.formerTarget)
    }
    for question in try fields.prompts("inverse question", "inverse_question") {
      add(.reversedRelation, question, fact.subject)
    }
    if let unrelated = try fields.object("unrelated_relation") {
      for (question, answer) in try unrelated.pairs(prompts: ["question", "prompt"], answers: ["object"]) {
        add(.otherRelation, question, answer)
      }
    }
    for (kind, prompts, answers) in [
      (.locality, ["locality_prompt"], ["locality_ground_truth", "locality_answer"]),
      (.oneHop, ["portability_prompt"], ["portability_ground_truth", "portability_answer"]),
      (.oneHop, ["mhop"], ["mhop_ans"]), (.logicalGeneralization, ["sub_question"], ["sub_answer"]),
    ] as [(Probe.Kind, [String], [String])] {
      for (prompt, answer) in try fields.pairs(prompts: prompts, answers: answers) {
        add(kind, prompt, answer)
      }
    }
    // zsRE's own questions may need a mark; its reader has them already.
    if !fields.has("src") {
      for (prompt, answer) in try fields.pairs(prompts: ["loc"], answers: ["loc_ans"]) {
        add(.locality, prompt, answer)
      }
    }
    try addPortability(fields)
    try addGroups(fields, "locality", unknown: .locality)
  }

  /// Fields that are about one fact, and say nothing of which where a record has several.
  static let singleProbes = [
    "paraphrase_prompts", "rephrase_prompt", "rephrase_prompts", "rephrase", "neighborhood_prompts",
    "distracting_neighborhood_prompts", "attribute_prompts", "generation_prompts", "locality_prompt",
    "portability_prompt", "portability", "locality",
  ]

  /// The edited statement in other words.
  mutating func addParaphrases(_ fields: RecordFields, _ names: [String]) throws(FactsError) {
    for name in names {
      for prompt in try fields.prompts(name) {
        add(.paraphrase, filled(prompt), fact.target, against: fact.formerTarget)
      }
    }
  }

  /// MQuAKE's questions over several hops: each asks the same in other words, and has one answer before and one after.
  mutating func addQuestions(_ fields: RecordFields) throws(FactsError) {
    guard let answer = try fields.text(["new_answer"])?.nonEmpty else { return }
    let former = try fields.text(["answer"])?.nonEmpty
    for question in try fields.prompts("questions") { add(.oneHop, question, answer, against: former) }
  }

  /// The edited prompt about others: strings whose answer is the former target, or objects with their own answer.
  private mutating func addNeighbors(_ fields: RecordFields) throws(FactsError) {
    for (name, kind) in [
      ("neighborhood_prompts", Probe.Kind.neighborhood),
      ("distracting_neighborhood_prompts", .distractingNeighbor),
    ] {
      guard let field = try fields.first([name]) else { continue }
      if field.value.elements?.first?.members != nil {
        try addGroup(field, kind, against: fact.target)
      } else {
        for prompt in try fields.prompts(name) {
          add(kind, prompt, fact.formerTarget, against: fact.target)
        }
      }
    }
  }

  /// The survey's one question that needs the new target, or KnowEdit's groups.
  private mutating func addPortability(_ fields: RecordFields) throws(FactsError) {
    guard let field = try fields.first(["portability"]) else { return }
    if field.value.elements != nil { return try addGroup(field, .oneHop) }
    let portability = try RecordFields(field.value, at: field.place, slice: field.slice)
    for (prompt, answer) in try portability.pairs(prompts: ["New Question"], answers: ["New Answer"]) {
      add(.oneHop, prompt, answer)
    }
    try addGroups(fields, "portability", unknown: nil)
  }

  /// KnowEdit's groups of probes by name; groups of other names become `unknown`, or are passed over.
  private mutating func addGroups(_ fields: RecordFields, _ name: String, unknown: Probe.Kind?)
    throws(FactsError)
  {
    guard let field = try fields.first([name]) else { return }
    // A list without names, as CKnowEdit has it.
    if field.value.elements != nil, let unknown { return try addGroup(field, unknown) }
    let groups = try RecordFields(field.value, at: field.place, slice: field.slice)
    for group in groups.names {
      guard let kind = Probe.Kind(group: group) ?? unknown, let field = try groups.first([group]) else {
        continue
      }
      try addGroup(field, kind)
    }
  }

  /// A list of objects with prompt and answer, or one object with both, each of which may be a list.
  private mutating func addGroup(
    _ group: RecordFields.Field, _ kind: Probe.Kind, against rival: String? = nil
  ) throws(FactsError) {
    guard let elements = group.value.elements else {
      let names = ["ground_truth", "answer", "target", "target_true"]
      let fields = try RecordFields(group.value, at: group.place, slice: group.slice)
      let pairs = try fields.pairs(prompts: ["prompt", "question"], answers: names)
      for (prompt, answer) in pairs { add(kind, prompt, answer, against: rival) }
      return
    }
    for (index, element) in elements.enumerated() where element != .null {
      let place = group.place.inner("[\(index)]")
      guard element.members != nil else { throw .wrongType(place, expected: "an object") }
      try addGroup(.init(value: element, place: place, slice: nil), kind, against: rival)
    }
  }

  /// Adds a probe, prompt and answer as the file has them.
  mutating func add(
    _ kind: Probe.Kind, _ prompt: String, _ answer: String?, against rival: String? = nil
  ) {
    let (prompt, spaces) = TextJoin.split(prompt: prompt)
    guard let answer else { return probes.append(Probe(kind, prompt: prompt, answer: nil, rival: rival)) }
    let (target, join) = TextJoin.split(target: answer, after: prompt, spaces)
    probes.append(
      Probe(
        kind, prompt: prompt, answer: target, rival: rival,
        join: join == TextJoin(between: prompt, and: target) ? nil : join))
  }

  /// A prompt about the subject, which may leave a place for it.
  private func filled(_ prompt: String) -> String {
    guard prompt.byteOffsets(of: Fact.placeholder).count == 1 else { return prompt }
    return Fact(identifier: "", prompt: prompt, subject: fact.subject, target: "").filledPrompt
  }
}

extension Probe.Kind {
  /// The kind that a group's name stands for, whichever way it is spelled.
  fileprivate init?(group name: String) {
    switch name.lowercased().filter(\.isLetter) {
    case "subjectaliasing", "subjectreplace": self = .subjectReplace
    case "reversedrelation", "inverserelation": self = .reversedRelation
    case "reasoning", "onehop": self = .oneHop
    case "logicalgeneralization": self = .logicalGeneralization
    case "relationspecificity", "otherrelation", "otherattribution": self = .otherRelation
    case "distracting", "distractingneighbor", "distractneighbor": self = .distractingNeighbor
    case "forgetfulness": self = .forgetfulness
    default: return nil
    }
  }
}
