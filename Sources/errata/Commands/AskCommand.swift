import ArgumentParser
import Editing
import LinearAlgebra
import ModelFiles
import Transformer

struct AskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask", abstract: "Lets a model speak: its next tokens, and how it goes on.",
    discussion: """
      For each prompt: the most probable next tokens with their probabilities, and the greedy continuation. With --patch the \
      model is asked again as if the patch were applied, side by side; no model is written. Several --patch are several runs.

      With --chat each prompt is what a user says in a conversation of its own, and the answer goes on until the model ends its turn.

      Example:
        errata ask llama/ "The Eiffel Tower stands in" --patch rome.errata
        errata ask qwen/ "Where does the Eiffel Tower stand?" --chat --patch rome.errata
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Argument(help: "What the model is to go on from.")
  var prompts: [String] = []
  @Option(name: .customLong("prompts"), help: "A text file with one prompt a line.", completion: .file())
  var promptFile: String?
  @Option(
    name: .customLong("patch"), help: "Ask again as if this patch were applied; may be given several times.",
    completion: .file())
  var patches: [String] = []
  @Option(help: "How many of the most probable next tokens are shown.")
  var top = 5
  @Option(help: "Tokens of the continuation at most (default: 12; in a chat 256: an answer ends by itself).")
  var tokens: Int?
  @Option(help: "Draw each token from so many most probable ones, instead of the most probable.")
  var sample: Int?
  @Option(help: "Seed of --sample.")
  var seed: UInt64 = 0
  @Option(
    help:
      "Write the logits after each prompt to a safetensors file, as <index>.logits; with patches, of the last one.",
    completion: .file()
  )
  var logits: String?
  @OptionGroup var second: SecondModelOptions
  @OptionGroup(title: "Chat") var chat: ChatOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    if prompts.isEmpty, promptFile == nil { throw ValidationError("Give a prompt, or --prompts FILE.") }
    if top < 0 || top > 1000 { throw ValidationError("--top takes a number from 0 to 1000.") }
    if let tokens, tokens < 0 || tokens > 100_000 {
      throw ValidationError("--tokens takes a number from 0 to 100000.")
    }
    if let sample, sample < 1 { throw ValidationError("--sample takes a number above zero.") }
  }

  func run() throws {
    try doing("cannot ask \(model)", messages) {
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["--logits": logits]).check(
        inputs: patches + second.counterfactual + [promptFile, chat.template], models: [running.network.model]
      )
      var texts = prompts
      if let promptFile {
        texts += try lines(of: promptFile)
      }
      guard !texts.isEmpty else { throw ValidationError("There is no prompt in \(promptFile ?? "").") }
      let asking = Asking(
        encoder: running.encoder, chat: try chat.frame(for: running.network.model), prompts: texts, top: top,
        count: tokens ?? (chat.chat ? 256 : 12),
        sampling: sample.map { .top($0, seed: seed) } ?? .greedy)
      for warning in asking.warnings { messages.say("Warning: \(warning)") }
      try second.requireUse(by: patches)
      let seconds = try second.models(chat, threads: threads.count, messages)
      var answers = [try asking.answer("base", running.model)]
      for patch in patches {
        let patched = try running.patched(by: [patch], answeringWith: seconds)
        if logits != nil, patched.memory?.asksSecondModel ?? false {
          throw EditError.optionNeeds(
            "--logits", other: "one vocabulary; in \(patch) a second model answers for the facts")
        }
        if logits != nil, patched.memory?.loop != nil {
          throw EditError.optionNeeds(
            "--logits", other: "one text with a next token; in \(patch) the model asks itself")
        }
        answers.append(try asking.answer(patch, patched))
      }
      if let logits { try asking.writeLogits(of: answers.last!, to: logits) }
      messages.answer(asking.text(of: answers, verbose: messages.verbose))
      if messages.json { Console.output(asking.json(of: answers).indentedText) }
    }
  }
}

/// The lines of a text file that are not empty.
private func lines(of path: String) throws -> [String] {
  let text = try TextFile(path, .text, limit: TextFile.Limit.text).text
  return text.split(whereSeparator: \.isNewline).map(String.init)
}
