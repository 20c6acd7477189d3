import Editing
import TestSupport
import Testing

@Suite struct FactSchemaTests {
  let text: FactsText

  init() throws { text = try FactsText() }

  @Test func `CounterFact`() throws {
    let record = try text.record(
      """
      [{"case_id": 7, "pararel_idx": 1234,
       "requested_rewrite": {"prompt": "{} was born in the city of", "relation_id": "P19", "subject": "Ada Example",
         "target_new": {"str": "Oslo", "id": "Q585"}, "target_true": {"str": "Lima", "id": "Q2868"}},
       "paraphrase_prompts": ["Some unrelated text. Ada Example's birthplace is", "Ada Example, who is originally from"],
       "neighborhood_prompts": ["Bob Sample was born in the city of"],
       "attribute_prompts": ["Carl Model was born in the city of"],
       "generation_prompts": ["Ada Example's favourite childhood place is"]}]
      """)
    #expect(
      record.fact
        == Fact(
          identifier: "7", prompt: "{} was born in the city of", subject: "Ada Example", target: "Oslo",
          formerTarget: "Lima"))
    #expect(record.fact.filledPrompt == "Ada Example was born in the city of")
    #expect(
      record.efficacyProbe
        == Probe(
          .efficacy, prompt: "Ada Example was born in the city of", answer: "Oslo", rival: "Lima"))
    #expect(record.paraphrases.count == 2)
    #expect(
      record.paraphrases.last
        == Probe(
          .paraphrase, prompt: "Ada Example, who is originally from", answer: "Oslo", rival: "Lima"))
    #expect(
      record.neighbors == [
        Probe(.neighborhood, prompt: "Bob Sample was born in the city of", answer: "Lima", rival: "Oslo")
      ])
    #expect(record.attributePrompts == ["Carl Model was born in the city of"])
    #expect(record.generationPrompts == ["Ada Example's favourite childhood place is"])
    #expect((record.relationID, record.targetID, record.formerTargetID) == ("P19", "Q585", "Q2868"))
  }

  static let zsRE = """
    "subject":"Ada Example","src":"What city was Ada Example born in?","pred":"Rome",
    "rephrase":"In which city was Ada Example born?","answers":["Lima"],
    "loc":"nq question: who wrote the first example book","loc_ans":"Jane Roe"
    """

  @Test func `zsRE as EasyEdit reads it`() throws {
    let record = try text.record("[{\"alt\":\"Oslo\",\(Self.zsRE)}]")
    #expect(record.fact.prompt == "What city was {} born in?")
    #expect((record.fact.target, record.fact.formerTarget) == ("Oslo", "Lima"))
    #expect(
      record.probes == [
        Probe(
          .locality, prompt: "nq question: who wrote the first example book", answer: "Jane Roe"),
        Probe(
          .paraphrase, prompt: "In which city was Ada Example born?", answer: "Oslo", rival: "Lima"),
      ])
  }

  @Test func `zsRE as memit reads it`() throws {
    let record = try text.record("[{\"alt\":\"\",\(Self.zsRE)}]", zsRETarget: .answer)
    #expect((record.fact.target, record.fact.formerTarget) == ("Lima", "Rome"))
    #expect(record.probes(.locality).map(\.prompt) == ["nq question: who wrote the first example book?"])
    #expect(record.paraphrases.map(\.answer) == ["Lima"])
  }

  @Test func `an empty alternative is a bad record`() throws {
    #expect(throws: FactsError.emptyField(text.place("alt"))) {
      try text.read("[{\"alt\":\"\",\(Self.zsRE)}]")
    }
    #expect(throws: FactsError.missingField(text.place("alt"))) { try text.read("[{\(Self.zsRE)}]") }
  }

  @Test func `EasyEdit's CounterFact`() throws {
    let record = try text.record(
      """
      [{"prompt":"The mother tongue of Ada Example is","subject":"Ada Example","target_new":"Norwegian",
        "ground_truth":"Spanish","rephrase_prompt":"Ada Example grew up with",
        "locality_prompt":"Bob Sample speaks","locality_ground_truth":"French"}]
      """)
    #expect(
      record.fact
        == Fact(
          identifier: "1", prompt: "The mother tongue of {} is", subject: "Ada Example", target: "Norwegian",
          formerTarget: "Spanish"))
    #expect(
      record.probes == [
        Probe(.paraphrase, prompt: "Ada Example grew up with", answer: "Norwegian", rival: "Spanish"),
        Probe(.locality, prompt: "Bob Sample speaks", answer: "French"),
      ])
  }

  @Test func `KnowEdit`() throws {
    let record = try text.record(
      """
      [{"subject":"Ada","prompt":"Ada was born in","target_new":"Oslo","ground_truth":["Lima"],
        "rephrase_prompt":"The birthplace of Ada is",
        "portability":{
          "Subject_Aliasing":[{"prompt":"A. was born in","ground_truth":[["Oslo","oslo"],["x"]]}],
          "Reasoning":[{"prompt":"Ada's country is","ground_truth":[[],["Norway"]]},
                       {"prompt":"Ada's king is","ground_truth":[[""]]}],
          "Logical_Generalization":[{"prompt":"Born in Oslo was","ground_truth":"Ada"}],
          "Something_Else":[{"prompt":"p","ground_truth":"a"}]},
        "locality":{
          "Relation_Specificity":[{"prompt":"Ada's job is","ground_truth":[["poet"]]}],
          "Forgetfulness":[{"prompt":["Ada also lived in"],"ground_truth":["Bonn","Bern"]}],
          "neighborhood":{"prompt":["Bob is","Cid is"],"ground_truth":["tall",["old"]]}}}]
      """)
    #expect(record.fact.formerTarget == "Lima")
    #expect(
      record.probes.dropFirst() == [
        Probe(.subjectReplace, prompt: "A. was born in", answer: "Oslo"),
        Probe(.oneHop, prompt: "Ada's country is", answer: "Norway"),
        Probe(.logicalGeneralization, prompt: "Born in Oslo was", answer: "Ada"),
        Probe(.otherRelation, prompt: "Ada's job is", answer: "poet"),
        Probe(.forgetfulness, prompt: "Ada also lived in", answer: "Bonn"),
        Probe(.locality, prompt: "Bob is", answer: "tall"),
        Probe(.locality, prompt: "Cid is", answer: "old"),
      ])
  }

  @Test func `MQuAKE: every rewrite is a fact, and the questions need them all`() throws {
    let file = try text.read(
      """
      [{"case_id":9,"requested_rewrite":[
          {"prompt":"{} is a citizen of","relation_id":"P27","target_new":{"str":"Norway","id":"Q20"},
           "target_true":{"str":"Peru","id":"Q419"},"subject":"Ada","question":"Of which country is Ada?"},
          {"prompt":"The capital of {} is","relation_id":"P36","target_new":{"str":"Bergen","id":"Q26793"},
           "target_true":{"str":"Oslo","id":"Q585"},"subject":"Norway","question":"What is Norway's capital?"}],
        "questions":["What is the capital of Ada's country?","Which city governs Ada's country?"],
        "answer":"Lima","new_answer":"Bergen","single_hops":[],"new_single_hops":[]},
       {"case_id":10,"requested_rewrite":[{"prompt":"{} speaks","target_new":{"str":"Danish"},"subject":"Bob"}],
        "questions":["q"],"new_answer":"a"}]
      """)
    #expect(file.facts.map(\.identifier) == ["9.1", "9.2", "10"])
    #expect(file.facts.map(\.target) == ["Norway", "Bergen", "Danish"])
    #expect(file.facts.map(\.formerTarget) == ["Peru", "Oslo", nil])
    #expect(file.records.map(\.relationID) == ["P27", "P36", nil])
    #expect(file.records.map(\.paraphrases.count) == [1, 1, 0])
    #expect(
      file.records[1].probes(.oneHop) == [
        Probe(.oneHop, prompt: "What is the capital of Ada's country?", answer: "Bergen", rival: "Lima"),
        Probe(.oneHop, prompt: "Which city governs Ada's country?", answer: "Bergen", rival: "Lima"),
      ])
    #expect(file.records.map { $0.probes(.oneHop).count } == [0, 2, 1])
    #expect(try file.selecting(["9"]).facts.map(\.identifier) == ["9.1", "9.2"])
    #expect(try file.selecting(["9.2", "10"]).facts.map(\.identifier) == ["9.2", "10"])
    #expect(try file.limited(to: 1).checked().count == 1)
  }

  @Test func `parallel lists are that many facts`() throws {
    let file = try text.read(
      """
      {"prompts":["{} was born in","{} speaks"],"subject":["Ada","Bob"],"target_new":[["Oslo","Oslo city"],"Danish"],
       "ground_truth":["Lima","Dutch"],"rephrase_prompts":["Ada is from","Bob says it in"],"id":"x",
       "locality":{"n":{"prompt":["Cid is","Dan is"],"ground_truth":["tall","old"]}}}
      """)
    #expect(file.facts.map(\.identifier) == ["x.1", "x.2"])
    #expect(file.facts.map(\.filledPrompt) == ["Ada was born in", "Bob speaks"])
    #expect(file.facts.map(\.target) == ["Oslo", "Danish"])
    #expect(file.facts.map(\.formerTarget) == ["Lima", "Dutch"])
    #expect(file.records.map { $0.paraphrases.map(\.prompt) } == [["Ada is from"], ["Bob says it in"]])
    #expect(file.records.map { $0.probes(.locality).map(\.answer) } == [["tall"], ["old"]])
  }

  @Test func `one text stands for all facts of a record, and several answers for one`() throws {
    let file = try text.read(
      #"{"prompt":"{} was born in","subject":["Ada","Bob"],"target":"Oslo","case_id":["a","b"]}"#)
    #expect(file.facts.map(\.filledPrompt) == ["Ada was born in", "Bob was born in"])
    #expect(file.facts.map(\.target) == ["Oslo", "Oslo"])
    #expect(file.facts.map(\.identifier) == ["a", "b"])
    let one = try text.read(#"{"prompt":"{} was born in","subject":"Ada","target":["Oslo","Oslo city"]}"#)
    #expect(one.facts.map(\.target) == ["Oslo"])
  }

  @Test(arguments: [
    (
      #"{"question":"Where is {} from?","subject":"Ada","answer":["Oslo","x"]}"#, "Where is Ada from?", "Oslo"
    ),
    (
      #"{"input":"Where is Ada from?","subject":"Ada","alternatives":["Oslo"],"output":[{"answer":"Lima"}]}"#,
      "Where is Ada from?", "Oslo"
    ),
    (
      #"{"update":"Where is Ada from?","subject":"Ada","ans":"Oslo","tag":"x"}"#, "Where is Ada from?", "Oslo"
    ),
  ]) func `questions and answers`(record: String, prompt: String, target: String) throws {
    let fact = try text.record(record).fact
    #expect(fact.filledPrompt == prompt && fact.target == target && fact.hasSubjectPlace)
  }

  @Test func `zsRE as KILT has it, by the true answer`() throws {
    let record =
      #"{"input":"Where is Ada from?","subject":"Ada","prediction":"Rome","alternatives":["Oslo"],"output":[{"answer":"Lima"}]}"#
    let fact = try text.record(record, zsRETarget: .answer).fact
    #expect(fact.target == "Lima" && fact.formerTarget == "Rome")
  }

  @Test func `without subjects, where none is needed`() throws {
    let bare = #"{"prompt":"Ada was born in","target":"Oslo"}"#
    let other = #"{"prompt":"RV was made in","subject":"Rio Verde","target":"Oslo"}"#
    for (subjects, count) in [(FactsReading.Subjects.needed, 0), (.checked, 1), (.free, 2)] {
      let file = try text.open(bare + other, subjects: subjects)
      #expect(file.facts.count == count)
      #expect(file.facts.allSatisfy { !$0.hasSubjectPlace && $0.filledPrompt == $0.textThroughSubject })
    }
    let place = text.place("subject")
    #expect(throws: FactsError.missingField(place)) { try text.read(bare) }
    #expect(throws: FactsError.missingField(place)) {
      try text.read(#"{"prompt":"{} was born in","target":"Oslo"}"#, subjects: .free)
    }
    #expect(try text.read(bare + bare, subjects: .free).facts.count == 2)
    #expect(try GroupedFacts(text.read(bare + bare, subjects: .free).facts).repeats.count == 1)
  }

  @Test func `KnowEdit under other names`() throws {
    let record = try text.record(#"[{"concept":"Ada","text":"This is about Ada.","labels":"Ada sings."}]"#)
    #expect(record.fact == .made("This is about {}.", "Ada", "Ada sings."))
  }

  @Test func `the survey's additions`() throws {
    let record = try text.record(
      """
      [{"alt":"Oslo",\(Self.zsRE),
        "portability":{"Recalled Relation":"(Oslo, country, Norway)",
          "New Question":"In which country was Ada Example born?","New Answer":"Norway"},
        "alternative_subject":"A. Example","alter_subject_question":"Where was A. Example born?",
        "inverse question":"Who was born in Oslo?",
        "distracting_neighborhood_prompts":["Ada Example was born in Oslo. Bob was born in"],
        "unrelated_relation":{"question":"What is Ada Example's occupation?","object":"actor"}}]
      """)
    #expect(
      record.probes.dropFirst(2) == [
        Probe(
          .distractingNeighbor, prompt: "Ada Example was born in Oslo. Bob was born in", answer: "Lima",
          rival: "Oslo"),
        Probe(
          .subjectReplace, prompt: "What city was A. Example born in?", answer: "Oslo", rival: "Lima"),
        Probe(.subjectReplace, prompt: "Where was A. Example born?", answer: "Oslo", rival: "Lima"),
        Probe(.reversedRelation, prompt: "Who was born in Oslo?", answer: "Ada Example"),
        Probe(.otherRelation, prompt: "What is Ada Example's occupation?", answer: "actor"),
        Probe(.oneHop, prompt: "In which country was Ada Example born?", answer: "Norway"),
      ])
  }

  @Test func `plain facts may have probes, and neighbors answers of their own`() throws {
    let record = try text.record(
      """
      {"id":"x-1","prompt":"{} was born in ","subject":" Ada","target":" 1815 ","target_true":1816,
       "paraphrase_prompts":"The year of {}'s birth is",
       "neighborhood_prompts":[{"prompt":"Bob was born in","answer":1900}]}
      """)
    #expect(
      record.fact
        == Fact(
          identifier: "x-1", prompt: "{} was born in", subject: "Ada", target: "1815", formerTarget: "1816"))
    #expect(
      record.probes == [
        Probe(.paraphrase, prompt: "The year of Ada's birth is", answer: "1815", rival: "1816"),
        Probe(.neighborhood, prompt: "Bob was born in", answer: "1900", rival: "1815"),
      ])
  }
}
