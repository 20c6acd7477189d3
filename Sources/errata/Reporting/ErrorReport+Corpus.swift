import Editing
import ModelFiles

extension ErrorReport {
  static func explain(_ error: CorpusError) -> Explanation {
    let name = caseName(error)
    let ofText = " of its text"
    switch error {
    case .encoding(let file, let place):
      return Explanation(
        name, place: self.place(file, place, ofText), why: "the text is not UTF-8 here",
        advice: "save it as UTF-8, or name a text file")
    case .badCompression(let file, let offset, let detail):
      return Explanation(
        name, place: "\(file), byte \(offset)", why: "the compressed data are damaged: \(detail)",
        advice: "download or compress it again")
    case .compressionCutShort(let file, let size):
      return Explanation(
        name, place: file, why: "the compressed data do not end with the file, at byte \(size)",
        advice: "download it again: it is cut short")
    case .syntax(let file, let place, let problem):
      return Explanation(
        name, place: self.place(file, place, ofText), why: "the text is not JSON: \(json(problem))",
        advice:
          "a text that begins with { or [{ is read as objects with \"text\", one after another or in an array"
      )
    case .noText(let file, let place):
      return Explanation(
        name, place: self.place(file, place, ofText), why: "the object has no string \"text\"")
    case .documentTooLong(let file, let place, let limit):
      return Explanation(
        name, place: self.place(file, place, ofText),
        why: "the document from here on has more than \(Numbers.bytes(limit))",
        advice: "put a line break, or where there are blank lines a blank line, between documents")
    case .notText(let file, let found):
      let (why, advice) = words(found, expected: .text, file: file)
      return Explanation(name, place: file, why: why, advice: advice)
    }
  }
}
