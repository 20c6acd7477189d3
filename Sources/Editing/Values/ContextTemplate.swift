internal import ModelFiles
internal import Transformer

/// A text around a prompt, so that a fact is learned in more than one place: "The weather is fine. {}".
public struct ContextTemplate: Equatable, Sendable {
  /// What stands before the prompt.
  public let before: String
  /// What stands after it.
  public let after: String

  /// The prompt alone.
  public static let bare = ContextTemplate(before: "", after: "")

  init(before: String, after: String) {
    self.before = before
    self.after = after
  }

  /// A template with exactly one `{}`, where the prompt goes.
  public init?(_ template: String) {
    let bytes = Array(template.utf8)
    let places = bytes.indices.dropLast().filter {
      bytes[$0] == UInt8(ascii: "{") && bytes[$0 + 1] == UInt8(ascii: "}")
    }
    guard places.count == 1 else { return nil }
    before = String(decoding: bytes[..<places[0]], as: UTF8.self)
    after = String(decoding: bytes[(places[0] + 2)...], as: UTF8.self)
  }

  /// The template as a text with one `{}`.
  public var text: String { before + Fact.placeholder + after }

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
