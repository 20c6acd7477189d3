/// What stands between a prompt and the text that follows it: white space, or nothing.
///
///     "Ada was born in"          " "   "Oslo"
///     "<|im_start|>assistant\n"  ""    "Oslo"
///     "東京は"                     ""    "日本"
///
/// A text that was never written in one piece is joined as it would have been written: white space that a file has is kept, and where it
/// has none a space is put where such text has one (`init(between:and:)`). What was chosen is a value, so that whoever stores a fact
/// stores how it was read, and whoever asks again reads the same text.
public struct TextJoin: Hashable, Sendable {
  /// White space, or nothing.
  public let text: String

  /// One space: between most words of most scripts.
  public static let space = TextJoin(unchecked: " ")
  /// Nothing.
  public static let none = TextJoin(unchecked: "")

  /// A join that somebody names; `nil` unless it is white space only.
  public init?(_ text: String) {
    guard text.unicodeScalars.allSatisfy(\.properties.isWhitespace) else { return nil }
    self.text = text
  }

  init(unchecked text: String) { self.text = text }

  /// Two texts as one.
  public func joining(_ first: String, _ second: String) -> String { first + text + second }
}

extension TextJoin {
  /// A prompt as it is asked, and the spaces that its file has at its end.
  ///
  /// A space belongs to the token of the word behind it, so spaces at a prompt's end are no part of it, but of the join. Other white
  /// space, such as the line end of a chat template, is read as a token of its own and stays.
  ///
  /// - Returns: `join`: `nil` where the file has no space there and the join is still to be found.
  public static func split(prompt written: String) -> (prompt: String, join: TextJoin?) {
    let (text, spaces) = written.splittingSpacesAtEnd
    return (text, spaces.isEmpty ? nil : TextJoin(unchecked: spaces))
  }

  /// The join of a prompt and a target, each as a file has it, and the target without the white space before and behind it.
  ///
  /// Where both bring spaces, it is the longer run, for files are often careful twice.
  public static func split(
    target written: String, after prompt: String, _ join: TextJoin?
  ) -> (target: String, join: TextJoin) {
    let scalars = written.unicodeScalars
    let body = scalars.drop(while: \.properties.isWhitespace)
    let before = String(scalars[..<body.startIndex])
    var target = body
    while let last = target.last, last.properties.isWhitespace { target.removeLast() }
    let text = String(target)
    guard !before.isEmpty else { return (text, join ?? TextJoin(between: prompt, and: text)) }
    guard let join else { return (text, TextJoin(unchecked: before)) }
    let isSpaces = before.unicodeScalars.allSatisfy { $0 == " " }
    if isSpaces {
      return (text, before.utf8.count > join.text.utf8.count ? TextJoin(unchecked: before) : join)
    }
    return (text, TextJoin(unchecked: join.text + before))
  }
}

extension String {
  /// The text without the spaces (U+0020) at its end, and these.
  fileprivate var splittingSpacesAtEnd: (text: String, spaces: String) {
    var scalars = unicodeScalars[...]
    while scalars.last == " " { scalars.removeLast() }
    return (String(scalars), String(unicodeScalars[scalars.endIndex...]))
  }
}
