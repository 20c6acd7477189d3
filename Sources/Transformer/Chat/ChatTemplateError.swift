/// Why a text cannot be put to a model as a chat.
public enum ChatTemplateError: Error, Equatable, Sendable {
  /// The model brings no template.
  case noTemplate(place: String, known: [String])
  /// Neither a file nor the name of a template.
  case unknownName(String, known: [String])
  /// A construct that this version does not run.
  case unsupported(construct: String, line: Int, template: String)
  /// Text that is not of the language.
  case syntax(found: String, line: Int, template: String)
  /// An operation that its values do not have.
  case wrongValue(what: String, line: Int, template: String)
  /// The template refuses the conversation, in its own words.
  case raised(message: String, template: String)
  /// The template does not come to an end.
  case endless(line: Int, template: String)
  /// What the user or the system says does not stand in the conversation once, as it is.
  case leftOut(role: String, template: String)
  /// The template makes another text of what the user says.
  case changed(text: String, template: String)

  init(_ error: JinjaError, _ template: String) {
    self =
      switch error {
      case .unsupported(let construct, let line):
        .unsupported(construct: construct, line: line, template: template)
      case .syntax(let found, let line): .syntax(found: found, line: line, template: template)
      case .wrongValue(let what, let line): .wrongValue(what: what, line: line, template: template)
      case .raised(let message): .raised(message: message, template: template)
      case .tooLong(let line): .endless(line: line, template: template)
      }
  }
}
