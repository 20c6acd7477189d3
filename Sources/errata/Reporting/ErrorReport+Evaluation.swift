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
    case .badResults(let file, let line):
      return Explanation(
        name, place: "\(file), line \(line)", why: "it is no line of answers",
        advice: "name a new file, or one that `errata eval` wrote")
    }
  }
}
