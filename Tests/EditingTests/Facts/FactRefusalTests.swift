import Editing
import TestSupport
import Testing

@Suite struct FactRefusalTests {
  let text: FactsText

  init() throws { text = try FactsText() }

  @Test(arguments: [
    ("{} is in", "Rome", "{} is in"), ("Rome is in", "Rome", "{} is in"), ("{}", "Rome", "{}"),
    ("The fall of {}, that is, Rome, was in", "Rome", "The fall of {}, that is, Rome, was in"),
    ("{}\u{301} is", "e", "{}\u{301} is"), ("中国的首都是", "中国", "{}的首都是"), ("a{b}{}", "x", "a{b}{}"),
  ]) func `a prompt gets its one place for the subject`(prompt: String, subject: String, template: String)
    throws
  {
    let fact = try text.record(
      #"{"prompt":"\#(prompt)","subject":"\#(subject)","target":"x"}"#
    ).fact
    #expect(fact.prompt == template)
    #expect(fact.textBeforeSubject + subject + fact.textAfterSubject == fact.filledPrompt)
    #expect(Array(fact.prompt(about: "{}").utf8) == Array(template.utf8))
  }

  @Test(arguments: [
    ("rome is in", "Rome", "rome", SpellingDifference.letterCase),
    ("The zoe\u{308} is", "zo\u{EB}", "zoe\u{308}", .unicodeForm),
    ("St.\u{A0}Ives is", "St. Ives", "St.\u{A0}Ives", .space), ("O’Hara is", "O'Hara", "O’Hara", .space),
    ("in NEW\u{2011}YORK", "New-York", "NEW\u{2011}YORK", .letterCase),
  ]) func `a subject that is spelled otherwise is told as it stands there`(
    prompt: String, subject: String, found: String, difference: SpellingDifference
  ) throws {
    let place = text.place("prompt")
    #expect(
      throws: FactsError.subjectSpelledOtherwise(
        place, subject: subject, found: found, difference: difference)
    ) {
      try text.read(#"{"prompt":"\#(prompt)","subject":"\#(subject)","target":"x"}"#)
    }
  }

  @Test(arguments: [
    ("Paris is in", "Rome", ("subjectNotInPrompt", 0)), ("romp is in", "Rome", ("subjectNotInPrompt", 0)),
    ("Rome and Romeo", "Rome", ("subjectRepeated", 2)), ("aaa is", "aa", ("subjectRepeated", 2)),
    ("{} is {}", "Rome", ("severalPlaceholders", 2)), ("{} is", "a{}b", ("placeholderInSubject", 0)),
  ]) func `a prompt without exactly one place is refused`(
    prompt: String, subject: String, problem: (String, Int)
  ) throws {
    let place = text.place("prompt")
    let wanted: FactsError =
      switch problem.0 {
      case "subjectNotInPrompt": .subjectNotInPrompt(place, subject: subject)
      case "subjectRepeated": .subjectRepeated(place, subject: subject, count: problem.1)
      case "severalPlaceholders": .severalPlaceholders(place, count: problem.1)
      default: .placeholderInSubject(place, subject: subject)
      }
    #expect(throws: wanted) {
      try text.read(#"{"prompt":"\#(prompt)","subject":"\#(subject)","target":"x"}"#)
    }
  }

  @Test(arguments: [
    (#"{"prompt":"{} is","target":"x"}"#, "missingField", "subject"),
    (#"{"prompt":"{} is","subject":null,"target":"x"}"#, "missingField", "subject"),
    (#"{"prompt":"{} is","subject":"A"}"#, "missingField", "target"),
    (#"{"subject":"A","target":"x"}"#, "missingField", "prompt"),
    (#"{"prompt":"{} is","subject":"A","target_new":" \n"}"#, "emptyField", "target_new"),
    (#"{"prompt":"{} is","subject":"A","target":[[],[]]}"#, "emptyField", "target"),
    (#"{"prompt":" ","subject":"A","target":"x"}"#, "emptyField", "prompt"),
    (#"{"prompt":"{} is","subject":"","target":"x"}"#, "emptyField", "subject"),
    (#"{"prompt":true,"subject":"A","target":"x"}"#, "wrongType", "prompt"),
    (#"{"prompt":"{} is","subject":"A","target":1.5}"#, "wrongType", "target"),
    (#"{"prompt":"{} is","subject":"A","target":{"id":"Q1"}}"#, "missingField", "target.str"),
    (#"{"requested_rewrite":[]}"#, "emptyField", "requested_rewrite"),
    (#"{"requested_rewrite":"x"}"#, "wrongType", "requested_rewrite"),
    (
      #"{"requested_rewrite":[{"prompt":"{} is","subject":"A"}]}"#, "missingField",
      "requested_rewrite[0].target_new"
    ),
    (
      #"{"requested_rewrite":{"prompt":"{} is","subject":"A","target_new":{"str":""}}}"#, "emptyField",
      "requested_rewrite.target_new"
    ),
    (
      #"{"prompt":"{} is","subject":"A","target":"x","locality":{"Forgetfulness":["p"]}}"#, "wrongType",
      "locality.Forgetfulness[0]"
    ),
    (
      #"{"prompt":"{} is","subject":"A","target":"x","portability":{"Reasoning":[{"prompt":["p","q"],"ground_truth":["a"]}]}}"#,
      "answerCount", "portability.Reasoning[0].ground_truth"
    ),
    (
      #"{"prompt":"{} is","subject":"A","target":"x","paraphrase_prompts":["p",false]}"#, "wrongType",
      "paraphrase_prompts[1]"
    ),
    (#"{"statement":"q"}"#, "unknownSchema", ""),
  ]) func `what is wrong is named with its field`(record: String, name: String, field: String) throws {
    let error = #expect(throws: FactsError.self) { try text.read("[\(record)]") }
    #expect(error.map(caseName(ofError:)) == name)
    #expect(error?.place == text.place(field))
  }

  @Test func `blank probes are passed over`() throws {
    let record = try text.record(
      """
      {"prompt":"{} is","subject":"A","target":"x","paraphrase_prompts":[""," ","p"],"locality_prompt":["a","","c"],
       "locality_ground_truth":["","b","d"],"portability":null,"locality":{"Forgetfulness":null}}
      """)
    #expect(record.probes.map(\.prompt) == ["p", "c"])
  }
}
