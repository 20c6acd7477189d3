internal import ModelFiles
internal import Transformer

/// A text around a prompt, so that a fact is learned in more than one place: "The weather is fine. {}".
public struct ContextTemplate: Equatable, Sendable {
  /// What stands before the prompt.
  public let before: String
  /// What stands after it.
  public let after: String
  /// Whether the text is what a user says in a chat.
  public let isChat: Bool

  /// The prompt alone.
  public static let bare = ContextTemplate(before: "", after: "")
  /// The prompt alone, said in a chat.
  public static let chat = ContextTemplate(before: "", after: "", isChat: true)

  init(before: String, after: String, isChat: Bool = false) {
    self.before = before
    self.after = after
    self.isChat = isChat
  }

  /// A template with exactly one `{}`, where the prompt goes.
  public init?(_ template: String) {
    let bytes = Array(template.utf8)
    let places = bytes.indices.dropLast().filter {
      bytes[$0] == UInt8(ascii: "{") && bytes[$0 + 1] == UInt8(ascii: "}")
    }
    guard places.count == 1 else { return nil }
    isChat = false
    before = String(decoding: bytes[..<places[0]], as: UTF8.self)
    after = String(decoding: bytes[(places[0] + 2)...], as: UTF8.self)
  }

  /// The template as a text with one `{}`.
  public var text: String { before + Fact.placeholder + after }

  /// The prompt alone, plainly or in a chat.
  var isBare: Bool { before.isEmpty && after.isEmpty }

  /// The same text, said in a chat.
  var inChat: ContextTemplate { ContextTemplate(before: before, after: after, isChat: true) }

  /// As a plan carries it: a text, or `{"chat": text}` for one that goes through the template.
  var json: JSONValue { isChat ? ["chat": .string(text)] : .string(text) }

  /// Reads one of a plan.
  init?(_ json: JSONValue) {
    guard let text = json.text ?? json["chat"]?.text, let template = ContextTemplate(text) else { return nil }
    self = json["chat"] == nil ? template : template.inChat
  }

  /// Contexts for a fact that is to hold in a chat and plainly: the prompt alone in the chat, and every second one of the others.
  static func sharing(_ contexts: [ContextTemplate]) -> [ContextTemplate] {
    [.chat] + contexts.enumerated().map { $0 % 2 == 1 ? $1.inChat : $1 }
  }

  /// Reads a JSON list of templates; the bare prompt is always added by those who use them.
  public static func read(_ path: String) throws -> [ContextTemplate] {
    guard let elements = try JSONValue(readingFile: path).elements else {
      throw EditError.badContexts(file: path, index: nil)
    }
    var templates: [ContextTemplate] = []
    for (index, element) in elements.enumerated() {
      guard let text = element.text, let template = ContextTemplate(text) else {
        throw EditError.badContexts(file: path, index: index)
      }
      if template != .bare { templates.append(template) }
    }
    return templates
  }

  /// Words that generated contexts begin with, one context each.
  /// Source: kmeng01/memit, `memit/memit_main.py`, `get_context_templates`.
  static let seeds = ["The", "Therefore", "Because", "I", "You"]

  /// Contexts in the model's own words, drawn from its five most probable tokens at a time; the same seed gives the same.
  ///
  /// - Parameter length: tokens of each, its first word included.
  static func generate(
    with network: Network, _ tokenizer: Tokenizer, length: Int = 10, seed: UInt64
  ) throws -> [ContextTemplate] {
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    let prompts = try seeds.map { try encoder.prompt($0).tokens }
    let texts = try network.generate(
      prompts, count: max(length - 1, 1), sampling: .top(5, seed: seed),
      stops: encoder.stops)
    return zip(prompts, texts).map { prompt, text in
      let words = tokenizer.decode((prompt + text).map(Int.init))
      // Braces would look like a place for the prompt, line ends like another text.
      let clean = words.map { "{}\n\r\t".contains($0) ? " " : $0 }
      var trimmed = String(clean)
      while trimmed.last == " " { trimmed.removeLast() }
      return ContextTemplate(before: trimmed + ". ", after: "")
    }
  }
}
