internal import Floor

/// What a template puts around one message of a user, and what follows it: a chat's prompt with a place in it.
///
///     "<|im_start|>user\n"  …  "<|im_end|>\n<|im_start|>assistant\n"
///
/// Found by rendering a conversation with a mark in the user's place; each text is rendered by itself too, and one that the template treats
/// otherwise is refused, so that no text is read that the template would not have written.
public struct ChatFrame: Equatable, Sendable {
  /// The name of the template.
  public let template: String
  /// SHA-256 of the template's text, hexadecimal.
  public let digest: String
  /// What the system says; `nil` where only the template may say something.
  public let system: String?
  /// Text before the user's message, the system's in it at this byte.
  public let before: String
  let systemOffset: Int?
  /// Text behind the user's message, up to where the assistant's turn begins and the model goes on.
  public let after: String
  /// What the template writes between that and an answer without thoughts: nothing, a channel, an empty block of thoughts.
  public let lead: String
  /// Spaces between that and the answer.
  public let join: TextJoin
  /// What it puts behind an answer.
  public let turnEnd: String
  /// To hold each text against; `nil` for a frame that a file carries.
  let source: ChatTemplate?

  private static let userMark = "zqkxuserzqkx"
  private static let systemMark = "zqkxsystemzqkx"
  private static let answerMark = "zqkxanswerzqkx"

  /// The frame of a template.
  ///
  /// - Throws: what the template does; `leftOut` where it does not say what it is given to say.
  public init(_ template: ChatTemplate, system: String? = nil) throws(ChatTemplateError) {
    let name = template.name
    func rendered(_ last: ChatMessage?) throws(ChatTemplateError) -> String {
      var messages = system == nil ? [] : [ChatMessage(role: "system", content: Self.systemMark)]
      messages.append(ChatMessage(role: "user", content: Self.userMark))
      if let last { messages.append(last) }
      return try template.render(messages, addsGenerationPrompt: last == nil)
    }
    let prompt = try rendered(nil)
    guard let (head, tail) = prompt.parted(at: Self.userMark) else {
      throw .leftOut(role: "user", template: name)
    }
    var before = head
    var systemOffset: Int?
    if let system {
      guard let (first, second) = head.parted(at: Self.systemMark) else {
        throw .leftOut(role: "system", template: name)
      }
      before = first + system + second
      systemOffset = first.utf8.count
    }
    self.systemOffset = systemOffset
    self.template = name
    digest = Digest(of: Array(template.text.utf8)).hexadecimal
    self.system = system
    self.before = before
    after = tail
    source = template
    // What a finished answer looks like; some templates have no place for one at the end.
    let whole = try? rendered(ChatMessage(role: "assistant", content: Self.answerMark))
    let finished = whole?.parted(at: Self.answerMark)
    turnEnd = finished?.1 ?? ""
    guard let head = finished?.0, head.utf8.starts(with: prompt.utf8) else {
      // The turn begins otherwise than a finished one looks, as with thoughts that are left out of earlier turns.
      (lead, join) = ("", .none)
      return
    }
    let (text, spaces) = TextJoin.split(
      prompt: String(decoding: head.utf8.dropFirst(prompt.utf8.count), as: UTF8.self))
    (lead, join) = (text, spaces ?? .none)
  }

  /// A frame as a file carries it.
  init(
    template: String, digest: String, system: String?, systemOffset: Int?, before: String, after: String,
    lead: String,
    join: TextJoin, turnEnd: String
  ) {
    self.template = template
    self.digest = digest
    self.system = system
    self.systemOffset = systemOffset
    self.before = before
    self.after = after
    self.lead = lead
    self.join = join
    self.turnEnd = turnEnd
    source = nil
  }

  /// The prompt in which a user says a text: the model's turn begins at its end.
  ///
  /// - Throws: `changed` where the template makes something else of it. One that only takes white space from its ends gets it without.
  public func prompt(_ text: String) throws(ChatTemplateError) -> PromptText {
    if try isWritten(text) { return filled(text) }
    let bare = text.stripped()
    guard bare != text, try isWritten(bare) else { throw .changed(text: text, template: template) }
    return filled(bare)
  }

  /// The same up to where an answer begins; `join` stands between.
  ///
  /// - Parameter isVerbatim: whether not even white space may go, for those who count places in the text.
  /// - Throws: as `prompt`.
  public func question(_ text: String, isVerbatim: Bool = false) throws(ChatTemplateError) -> PromptText {
    if isVerbatim, !(try isWritten(text)) { throw .changed(text: text, template: template) }
    var result = try prompt(text)
    result.append(template: lead)
    return result
  }

  /// Whether the template would write a text as it is.
  private func isWritten(_ text: String) throws(ChatTemplateError) -> Bool {
    guard let source else { return true }
    let messages =
      (system.map { [ChatMessage(role: "system", content: $0)] } ?? [])
      + [ChatMessage(role: "user", content: text)]
    let found = try source.render(messages, addsGenerationPrompt: true)
    return found.utf8.elementsEqual(filled(text).text.utf8)
  }

  /// A text in the user's place, whatever the template would make of it.
  private func filled(_ text: String) -> PromptText {
    var result: PromptText
    if let system, let systemOffset {
      let bytes = Array(before.utf8)
      result = PromptText(template: String(decoding: bytes[..<systemOffset], as: UTF8.self))
      result.append(literal: system)
      result.append(template: String(decoding: bytes[(systemOffset + system.utf8.count)...], as: UTF8.self))
    } else {
      result = PromptText(template: before)
    }
    result.append(literal: text)
    result.append(template: after)
    return result
  }

  /// What they put around a text, whether or not there is a template to hold it against.
  public static func == (one: ChatFrame, other: ChatFrame) -> Bool {
    one.template == other.template && one.digest == other.digest && one.system == other.system
      && one.before == other.before && one.after == other.after && one.lead == other.lead
      && one.join == other.join
      && one.turnEnd == other.turnEnd && one.systemOffset == other.systemOffset
  }
}

extension String {
  /// What stands before and behind a mark that is there once.
  fileprivate func parted(at mark: String) -> (String, String)? {
    let parts = pieces(between: mark, nil, fromRight: false)
    return parts.count == 2 ? (parts[0], parts[1]) : nil
  }
}
