import Evaluation

extension ErrorReport {
  static func explain(_ error: EvaluationError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .badReferences(let file, let element):
      return Explanation(
        name, place: element.map { "\(file), element \($0 + 1)" } ?? file,
        why: "it is not a list of reference texts",
        advice: #"references are [{"relation_id": …, "target_id": …, "samples": [{"name": …, "text": …}]}]"#)
    case .badFrequencies(let file, let problem):
      return Explanation(
        name, place: file, why: problem,
        advice:
          "give a folder with tfidf_vocab.json, an object of words and their numbers from 0, and idf.npy, as many numbers of 64 bits"
      )
    case .noDemonstrations(let file):
      return Explanation(
        name, place: file,
        why: "the one record that is evaluated is the only one: none is left to demonstrate with",
        advice: "give --demonstrations a file of further records")
    case .badQuestion(let file, let question, let problem):
      return Explanation(
        name, place: "\(file), question \(question)", why: problem,
        advice: #"a question is {"prompt": …, "choices": [… , …], "answer": …} on one line"#)
    case .textTooShort(let file):
      return Explanation(name, place: file, why: "the text has fewer than two tokens")
    case .badWeight(let criterion):
      return Explanation(
        name, place: "weight of \(Quote.plain(criterion))",
        why: "it is of no criterion, given twice, or no number from zero on",
        advice: "criteria are \(Criterion.all.map(\.name).joined(separator: ", "))")
    case .noWeights:
      return Explanation(
        name, why: "no criterion has a weight above zero", advice: "as in reliability=3,locality=1")
    case .nothingMeasured(let criteria):
      return Explanation(
        name,
        why: "the edits were refused, or no record has probes for all of \(criteria.joined(separator: ", "))",
        advice: "give --weights of what the records have, and look with `errata eval --edit`")
    case .nothingToHoldOut(let records):
      return Explanation(
        name, why: "there is \(Numbers.count(records, "record")): one is to be searched on, and one held out",
        advice: "give more records")
    case .badResults(let file, let line):
      return Explanation(
        name, place: "\(file), line \(line)", why: "it is no line of answers",
        advice: "name a new file, or one that `errata eval` wrote")
    case .partOfResults(let file, let part, let count):
      return Explanation(
        name, place: file, why: "it has part \(part) of \(count) of an evaluation",
        advice: "put the parts together with `errata eval merge`, and name what it writes")
    }
  }
}
