import Transformer

extension ErrorReport {
  static func explain(_ error: ChatTemplateError) -> Explanation {
    let name = caseName(error)
    let other = "name another with --template"
    func at(_ template: String, _ line: Int) -> String { "chat template \(template), line \(line)" }
    switch error {
    case .noTemplate(let place, let known):
      return Explanation(
        name, place: place, why: "it has no chat template: it may be a base model",
        advice: "give --template with a file or one of \(known.joined(separator: ", ")), or leave out --chat")
    case .unknownName(let wanted, let known):
      return Explanation(
        name, place: "--template \(Quote.text(wanted))",
        why: "there is neither such a file nor such a template",
        advice: "known are \(known.joined(separator: ", "))")
    case .unsupported(let construct, let line, let template):
      return Explanation(
        name, place: at(template, line), why: "\(Quote.text(construct)) is not run by this errata",
        advice: other)
    case .syntax(let found, let line, let template):
      return Explanation(name, place: at(template, line), why: "\(Quote.text(found)) is not expected there")
    case .wrongValue(let what, let line, let template):
      return Explanation(name, place: at(template, line), why: Quote.plain(what), advice: other)
    case .raised(let message, let template):
      return Explanation(
        name, place: "chat template \(template)", why: "it refuses the conversation: \(Quote.text(message))")
    case .endless(let line, let template):
      return Explanation(name, place: at(template, line), why: "it does not come to an end", advice: other)
    case .leftOut(let role, let template):
      return Explanation(
        name, place: "chat template \(template)", why: "it does not say once what the \(role) says",
        advice: role == "system" ? "leave out --system" : other)
    case .changed(let text, let template):
      return Explanation(
        name, place: Quote.text(text), why: "the chat template \(template) makes another text of it",
        advice: "write it otherwise, or \(other)")
    }
  }
}
