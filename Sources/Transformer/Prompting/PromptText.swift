/// A text as a model is to read it: written by somebody, or by a chat template around what somebody wrote.
///
/// In a text that is written as it is, such as `<|im_end|>hello`, a special token is that token. In one that went through a template only
/// those of the template are; what a user wrote stays text, whatever it looks like.
public struct PromptText: Equatable, Sendable {
  /// The whole text.
  public private(set) var text: String
  /// UTF-8 bytes of it in which special tokens are text.
  public private(set) var literal: [Range<Int>] = []
  /// Whether a template wrote it: then nothing is put before it that is not in it.
  public let isChat: Bool

  /// A text as it is.
  public init(_ text: String) {
    self.text = text
    isChat = false
  }

  /// The beginning of a text of a template.
  init(template: String) {
    text = template
    isChat = true
  }

  /// Adds what somebody wrote.
  mutating func append(literal part: String) {
    let start = text.utf8.count
    text += part
    guard !part.isEmpty else { return }
    if let last = literal.last, last.upperBound == start { literal.removeLast() }
    literal.append(start..<text.utf8.count)
  }

  /// Adds what the template wrote.
  mutating func append(template part: String) { text += part }

  /// The text with more behind it: in a chat, what the model says.
  public func followed(by more: String) -> PromptText {
    var result = self
    if isChat { result.append(literal: more) } else { result.text += more }
    return result
  }
}
