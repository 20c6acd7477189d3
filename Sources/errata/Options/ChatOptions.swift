import ArgumentParser
import ModelFiles
import Transformer

/// Whether texts are put to the model as a chat, and through which template.
struct ChatOptions: ParsableArguments {
  @Flag(
    help:
      "Put each prompt through the model's own chat template, as what a user says; answers begin the assistant's turn."
  )
  var chat = false
  @Option(
    help: ArgumentHelp(
      "--chat: what the system says first (default: what the template says).", valueName: "text"))
  var system: String?
  @Option(
    help: ArgumentHelp(
      "--chat: another template: a Jinja file, one of several that the model brings, or \(Self.names).",
      valueName: "name or file"))
  var template: String?

  private static var names: String { ChatTemplate.builtIn.map(\.name).joined(separator: ", ") }

  func validate() throws {
    guard !chat else { return }
    for (option, isGiven) in [("--system", system != nil), ("--template", template != nil)] where isGiven {
      throw ValidationError("\(option) is for --chat.")
    }
  }

  /// What the template puts around a prompt; `nil` where nothing is a chat.
  func frame(for model: ModelFile) throws -> ChatFrame? {
    chat ? try ChatFrame(ChatTemplate(of: model, named: template), system: system) : nil
  }

  /// The same by the template that a model brings itself, whatever the one that is asked goes by.
  func ownFrame(for model: ModelFile) throws -> ChatFrame? {
    chat ? try ChatFrame(ChatTemplate(of: model, named: nil), system: system) : nil
  }
}
