import Editing

extension ErrorReport {
  static func explain(_ error: BadRecords) -> Explanation {
    var first = explain(error.first)
    guard error.count < error.total else { return first }
    let way = error.count == 1 ? "is bad; --skip-bad leaves it out" : "are bad; --skip-bad leaves them out"
    first.advice = [first.advice, "\(error.count) of \(error.total) records \(way)"].compactMap { $0 }
      .joined(separator: "; ")
    return first
  }

  static func explain(_ error: FactsError) -> Explanation {
    let name = caseName(error)
    func record(_ place: RecordPlace, _ why: String, _ advice: String? = nil) -> Explanation {
      let field = place.field.isEmpty ? "" : ", \(Quote.plain(place.field))"
      return Explanation(
        name, place: "\(place.file), record \(place.record)\(field)", why: why, advice: advice)
    }
    switch error {
    case .encoding(let file, let place):
      return Explanation(
        name, place: self.place(file, place), why: "the file is not UTF-8 here", advice: "save it as UTF-8")
    case .syntax(let file, let place, let problem):
      return Explanation(
        name, place: self.place(file, place), why: "the file is not the JSON expected: \(json(problem))",
        advice: "facts are a JSON array of objects, or one object after another")
    case .noRecords(let file): return Explanation(name, place: file, why: "it has no records")
    case .noFactsInFolder(let folder):
      return Explanation(name, place: folder, why: "the folder holds no .json and no .jsonl file")
    case .contradiction(let first, let second):
      return Explanation(
        name, place: "records \(Quote.plain(first.identifier)) and \(Quote.plain(second.identifier))",
        why:
          "after \(Quote.text(first.filledPrompt, limit: 200)) one wants \(Quote.text(first.target)), the other \(Quote.text(second.target))",
        advice: "drop one of them")
    case .noSuchIdentifiers(let identifiers):
      return Explanation(
        name, why: "there is no record \(Quote.list(identifiers, 5))",
        advice: "records are named by case_id or id, else by their number in the file, from 1")
    case .unknownSchema(let place, let fields):
      return record(
        place,
        fields.isEmpty
          ? "it is an empty object" : "its fields (\(Quote.list(fields, 6))) are those of no schema we know",
        "a plain fact has prompt, subject and target, as in "
          + #"{"prompt": "{} was born in", "subject": "Ada Example", "target": "Oslo"}"#)
    case .missingField(let place):
      return record(place, "the field is missing", place.field.hasSuffix("subject") ? withoutSubject : nil)
    case .wrongType(let place, let expected): return record(place, "it is not \(expected)")
    case .emptyField(let place): return record(place, "it is empty")
    case .answerCount(let place, let prompts, let answers):
      return record(
        place, "it has \(Numbers.count(answers, "answer")) to \(Numbers.count(prompts, "prompt"))")
    case .listCount(let place, let facts, let found):
      return record(
        place,
        "it is \(found == 1 ? "one value" : "a list of \(found)"), the record's other lists are of \(facts) facts",
        "a record of several facts has lists of one length, or one text for all")
    case .severalTexts(let place, let count):
      return record(
        place, "it is a list of \(count) texts, and one is meant",
        "write each fact as a record of its own, or all its fields as lists of \(count)")
    case .subjectNotInPrompt(let place, let subject):
      return record(
        place, "the prompt has neither {} nor the subject \(Quote.text(subject))",
        "put {} where the subject goes; " + withoutSubject)
    case .subjectSpelledOtherwise(let place, let subject, let found, let difference):
      let what =
        switch difference {
        case .unicodeForm: "in another Unicode form, composed or decomposed"
        case .space: "with another kind of space, apostrophe or dash"
        case .letterCase: "with other capitals, as \(Quote.text(found))"
        }
      return record(
        place, "the prompt has the subject \(Quote.text(subject)) \(what): those are other tokens",
        "write both alike, or put {} where the subject goes")
    case .subjectRepeated(let place, let subject, let count):
      return record(
        place, "the prompt names the subject \(Quote.text(subject)) \(count) times",
        "put {} where the key is to be taken")
    case .severalPlaceholders(let place, let count):
      return record(place, "the prompt has \(count) {}, it must have one")
    case .placeholderInSubject(let place, let subject):
      return record(place, "the subject \(Quote.text(subject)) itself has {}")
    }
  }

  /// Methods that need no subject, in words.
  private static var withoutSubject: String {
    EditMethod.list(EditMethod.all.filter { !$0.needsSubject }, joining: "and")
      + " go without a subject"
  }
}
