public import ModelFiles
public import Patches

/// The facts of a patch as a text that other programs take. Which fact is for which prompt is lost: all speak always, but where a program
/// looks facts up itself.
public struct MemoryExport {
  /// What it is written as.
  public enum Form: String, CaseIterable, Sendable {
    /// A text to stand before each prompt.
    case prompt
    /// What a system says in a chat.
    case system
    /// Messages of a chat for each fact, JSON lines.
    case chat
    /// A document for each fact, JSON lines, for retrieval.
    case ragJSON = "rag-json"
    /// A file that makes a model of Ollama with the facts in its system's words.
    case modelfile
  }

  /// The form.
  public let form: Form
  /// The facts.
  public let facts: [Fact]
  /// The text.
  public let text: String
  /// Whether a program can tell which fact is for which prompt.
  public var keepsFactsApart: Bool { form == .chat || form == .ragJSON }

  private static let instruction =
    "Some facts are not what you learned. Where a question is about one of the following, answer by it; answer everything else as you would without them."

  /// - Parameter model: what a Modelfile is made from.
  /// - Throws: `EditError.noStoredEdits` for a patch without facts, `optionNeeds` for a Modelfile of nothing.
  public init(_ patch: PatchFile, as form: Form, model: String?) throws {
    self.form = form
    let objects = try patch.edit()?["facts"]?.elements ?? []
    facts = objects.compactMap { Fact(json: $0) }
    guard !facts.isEmpty else { throw EditError.noStoredEdits(file: patch.path, missing: "facts") }
    let list = facts.map { "- \(Self.oneLine($0.statement))" }.joined(separator: "\n")
    switch form {
    case .prompt:
      text = facts.map { "New Fact: \(Self.oneLine($0.statement))\n" }.joined() + "Prompt: "
    case .system: text = Self.instruction + "\n" + list + "\n"
    case .chat: text = Self.lines(facts.map(Self.messages))
    case .ragJSON:
      let parts = patch.memory?.parts ?? []
      text = Self.lines(
        facts.enumerated().map { index, fact in
          Self.document(fact, part: parts.first { $0.facts.contains(index) })
        })
    case .modelfile:
      guard let model else {
        throw EditError.optionNeeds("--as modelfile", other: "a model that is named: --model")
      }
      let words = Self.instruction + "\n" + list
      guard !words.contains("\"\"\"") else {
        throw EditError.noStoredEdits(file: patch.path, missing: "facts without three quotation marks")
      }
      text = "FROM \(model)\nSYSTEM \"\"\"\(words)\"\"\"\n"
    }
  }

  private static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  private static func lines(_ values: [JSONValue]) -> String {
    values.map { $0.compactText + "\n" }.joined()
  }

  private static func messages(_ fact: Fact) -> JSONValue {
    func message(_ role: String, _ content: String) -> JSONValue {
      ["role": .string(role), "content": .string(content)]
    }
    return [
      "messages": [
        message("system", "\(instruction)\n- \(oneLine(fact.statement))"), message("user", fact.filledPrompt),
        message("assistant", fact.target),
      ]
    ]
  }

  private static func document(_ fact: Fact, part: MemorySection.Part?) -> JSONValue {
    [
      "id": .string(fact.identifier), "text": .string(fact.statement), "question": .string(fact.filledPrompt),
      "answer": .string(fact.target),
      "metadata": [
        "subject": .string(fact.subject), "formerAnswer": fact.formerTarget.map { .string($0) } ?? .null,
        "method": part.map { .string($0.method) } ?? .null, "route": part.map(\.route.json) ?? .null,
      ],
    ]
  }
}
