/// What stops a template, with the line it stands in.
enum JinjaError: Error, Equatable {
  /// Something of the language that this version does not do.
  case unsupported(construct: String, line: Int)
  /// Text that is not of the language.
  case syntax(found: String, line: Int)
  /// An operation that its values do not have.
  case wrongValue(what: String, line: Int)
  /// The template itself refuses what it is given.
  case raised(message: String)
  /// It does not come to an end.
  case tooLong(line: Int)
}
