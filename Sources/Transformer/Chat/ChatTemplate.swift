internal import Glibc
public import ModelFiles

/// What one side says in a conversation.
public struct ChatMessage: Equatable, Sendable {
  /// `system`, `user` or `assistant`.
  public let role: String
  /// What is said.
  public let content: String

  /// Joins the two.
  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// How a conversation becomes one text: the Jinja template that a model was trained with.
///
/// The language is run here, in the part of it that published templates use, with the settings of transformers; anything else in a template
/// is refused by its name and line. Nothing of a template can reach a file or run for ever.
/// - Source: huggingface/transformers `utils/chat_template_utils.py`; pallets/jinja.
public struct ChatTemplate: Equatable, Sendable {
  /// Where it is from: a key, a file, or a name of `builtIn`.
  public let name: String
  /// The template itself.
  public let text: String
  /// Special tokens by the name that templates know them by, `bos_token` and its kin.
  public let specialTokens: [String: String]

  /// Takes a template.
  ///
  /// - Throws: `syntax`, `unsupported`.
  public init(_ text: String, name: String, specialTokens: [String: String] = [:]) throws(ChatTemplateError) {
    self.name = name
    self.text = text
    self.specialTokens = specialTokens
    do throws(JinjaError) { _ = try JinjaParser.parse(text) } catch { throw ChatTemplateError(error, name) }
  }

  /// A conversation as one text.
  ///
  /// - Parameters:
  ///   - addsGenerationPrompt: whether the beginning of the assistant's next turn is added.
  ///   - now: the date in a format of `strftime`, for templates that tell it.
  /// - Throws: what the template does.
  public func render(
    _ messages: [ChatMessage], addsGenerationPrompt: Bool,
    now: @escaping @Sendable (String) -> String = ChatTemplate.localTime
  ) throws(ChatTemplateError) -> String {
    var names: [String: JinjaValue] = [
      "messages": .list(
        messages.map {
          .dictionary([(.string("role"), .string($0.role)), (.string("content"), .string($0.content))])
        }),
      "add_generation_prompt": .bool(addsGenerationPrompt), "tools": .none, "documents": .none,
    ]
    for (token, content) in specialTokens { names[token] = .string(content) }
    do throws(JinjaError) {
      return try JinjaRenderer.render(try JinjaParser.parse(text), names, now: now)
    } catch { throw ChatTemplateError(error, name) }
  }

  /// The time of this machine.
  public static let localTime: @Sendable (String) -> String = { format in
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return [CChar](unsafeUninitializedCapacity: 256) { buffer, count in
      // SAFETY: `strftime` writes at most the buffer's length and returns what it wrote.
      count = format.isEmpty ? 0 : strftime(buffer.baseAddress!, 256, format, &parts)
    }.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
