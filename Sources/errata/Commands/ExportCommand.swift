import ArgumentParser
import ModelFiles
import Patches

struct ExportCommand: ParsableCommand {
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case peft
    case ggufAdapter = "gguf-adapter"
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes a patch as an adapter that other programs load.",
    discussion: """
      The low-rank part of the patch becomes a LoRA adapter beside the unchanged model: a folder for Hugging Face PEFT, or \
      a file for llama.cpp's --lora. What an adapter cannot hold is named: other kinds of change, and the patch's rounding.

      Weights whose rows a container orders by head (Llama's queries and keys, GPT-NeoX's attention) need --model to \
      cross from one container to the other: it tells the number of heads.

      Examples:
        errata export fix.errata --as peft -o fix-lora
        errata export fix.errata --as gguf-adapter -o fix-lora.gguf
      """)
  @Argument(help: "The patch.", completion: .file())
  var patch: String
  @Option(name: .customLong("as"), help: "What to write.")
  var form: Form
  @Option(
    name: .shortAndLong, help: "The adapter: a new folder for peft, a file for gguf-adapter.",
    completion: .file())
  var output: String
  @Option(help: "Any form of the patch's model; it is compared with the patch.", completion: .file())
  var model: String?
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func run() throws {
    try doing("cannot export \(patch)", messages) {
      let rule = OutputRule(["-o": output])
      try rule.check(inputs: [patch])
      let file = try PatchFile(patch)
      try file.checkBlocks(threads: threads.count)
      let base = try model.map { try openModel($0, threads: threads.count, messages) }
      try rule.check(models: base.map { [$0] } ?? [])
      let export = try AdapterExport(file, as: form == .peft ? .peft : .ggufAdapter, model: base)
      try export.write(to: output)
      report(export, file)
    }
  }

  private func report(_ export: AdapterExport, _ patch: PatchFile) {
    var table = Table([("tensor", .left), ("in the adapter", .left), ("rank", .right)])
    for part in export.parts { table.add([part.source, part.target, "\(part.rank)"]) }
    messages.answer(table.text())
    messages.say("The adapter is \(output): \(Numbers.count(export.parts.count, "weight")), scale 1.")
    let types = Set(patch.changes.filter { $0.lowRank != nil }.map(\.elementType.rawValue)).sorted()
    messages.say(
      "Lost: the rounding to \(types.joined(separator: " and ")) that the patch defines; whoever loads the adapter adds "
        + "the update without it.")
    for loss in export.losses { messages.say("Lost: \(words(for: loss)).") }
    guard messages.json else { return }
    let object: JSONValue = [
      "adapter": .string(output), "form": .string(form.rawValue), "family": .string(export.family.name),
      "rank": .integer(export.rank),
      "tensors": .array(
        export.parts.map {
          ["name": .string($0.source), "target": .string($0.target), "rank": .integer($0.rank)]
        }),
      "losses": .array(
        [["tensor": .null, "reason": "rounding"]]
          + export.losses.map {
            ["tensor": $0.tensor.map { .string($0) } ?? .null, "reason": .string($0.reason.rawValue)]
          }),
    ]
    Console.output(object.indentedText)
  }

  private func words(for loss: AdapterExport.Loss) -> String {
    let tensor = loss.tensor ?? ""
    return switch loss.reason {
    case .notLowRank: "the change of \(tensor), which is not low-rank"
    case .difference: "the difference that makes \(tensor) exact beside its factors"
    case .embedding: "the change of \(tensor): adapters do not reach embeddings"
    case .layout: "changes of headers or files"
    case .file: "the change of \(Numbers.oneLine(tensor)) beside the weights"
    }
  }
}
