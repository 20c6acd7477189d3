import Editing

extension ErrorReport {
  static func explain(_ error: FactsError) -> Explanation {
    let name = caseName(error)
    if let place = error.place { return explain(error, name, at: place) }
    switch error {
    case .encoding(let file, let offset):
      return Explanation(
        name, place: "\(file), byte \(offset)", why: "the file is not UTF-8 here",
        advice: "save it as UTF-8")
    case .syntax(let file, let offset, let problem):
      return Explanation(
        name, place: "\(file), byte \(offset)", why: "the file is not the JSON expected: \(json(problem))",
        advice: "facts are a JSON array of objects, or one object after another")
    case .fileTooLarge(let file, let size, let limit):
      return Explanation(
        name, place: file,
        why: "it has \(Numbers.bytes(size)), files of up to \(Numbers.bytes(limit)) are read",
        advice: "split it")
    case .noRecords(let file): return Explanation(name, place: file, why: "it has no records")
    case .noFactsInFolder(let folder):
      return Explanation(name, place: folder, why: "the folder holds no .json and no .jsonl file")
    case .contradiction(let first, let second):
      return Explanation(
        name, place: "records \(first.identifier) and \(second.identifier)",
        why: "after \"\(first.filledPrompt)\" one wants \"\(first.target)\", the other \"\(second.target)\"",
        advice: "drop one of them")
    case .noSuchIdentifiers(let identifiers):
      let shown = identifiers.prefix(5).joined(separator: ", ") + (identifiers.count > 5 ? ", …" : "")
      return Explanation(
        name, why: "there is no record \(shown)",
        advice: "records are named by case_id or id, else by their number in the file, from 1")
    default: return Explanation(name, why: "\(error)")
    }
  }

  private static func explain(_ error: FactsError, _ name: String, at place: RecordPlace) -> Explanation {
    let field = place.field.isEmpty ? "" : ", \(place.field)"
    let (why, advice) = reason(error)
    return Explanation(name, place: "\(place.file), record \(place.record)\(field)", why: why, advice: advice)
  }

  private static func reason(_ error: FactsError) -> (why: String, advice: String?) {
    switch error {
    case .unknownSchema:
      return (
        "its fields are those of no schema we know",
        "a plain fact has prompt, subject and target, as in "
          + #"{"prompt": "{} was born in", "subject": "Ada Example", "target": "Oslo"}"#
      )
    case .missingField: return ("the field is missing", nil)
    case .wrongType(_, let expected): return ("it is not \(expected)", nil)
    case .emptyField: return ("it is empty", nil)
    case .answerCount(_, let prompts, let answers):
      return ("it has \(Numbers.count(answers, "answer")) to \(Numbers.count(prompts, "prompt"))", nil)
    case .subjectNotInPrompt(_, let subject):
      return ("the prompt has neither {} nor the subject \"\(subject)\"", "put {} where the subject goes")
    case .subjectRepeated(_, let subject, let count):
      return (
        "the prompt names the subject \"\(subject)\" \(count) times", "put {} where the key is to be taken"
      )
    case .severalPlaceholders(_, let count): return ("the prompt has \(count) {}, it must have one", nil)
    case .placeholderInSubject(_, let subject): return ("the subject \"\(subject)\" itself has {}", nil)
    default: return ("\(error)", nil)
    }
  }

  static func explain(_ error: CorpusError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .encoding(let file, let offset):
      return Explanation(
        name, place: "\(file), byte \(offset) of its text", why: "the text is not UTF-8 here",
        advice: "save it as UTF-8, or name a text file")
    case .badCompression(let file, let offset, let detail):
      return Explanation(
        name, place: "\(file), byte \(offset)", why: "the compressed data are damaged: \(detail)",
        advice: "download or compress it again")
    case .compressionCutShort(let file, let size):
      return Explanation(
        name, place: file, why: "the compressed data do not end with the file, at byte \(size)",
        advice: "download it again: it is cut short")
    case .syntax(let file, let offset, let problem):
      return Explanation(
        name, place: "\(file), byte \(offset) of its text", why: "the line is not JSON: \(json(problem))",
        advice: "a text that begins with { is read as JSON lines, one object with \"text\" each")
    case .noText(let file, let offset):
      return Explanation(
        name, place: "\(file), line from byte \(offset) of its text", why: "the object has no string \"text\""
      )
    case .documentTooLong(let file, let offset, let limit):
      return Explanation(
        name, place: "\(file), byte \(offset) of its text",
        why: "the document from here on has more than \(Numbers.bytes(limit))",
        advice: "put a line break, or where there are blank lines a blank line, between documents")
    }
  }
}
