import ArgumentParser
import Editing
import Floor
import ModelFiles
import Patches
import Transformer

struct ExportCommand: ParsableCommand {
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case peft
    case ggufAdapter = "gguf-adapter"
    case patch
    case prompt
    case system
    case chat
    case ragJSON = "rag-json"
    case modelfile

    /// The form of a text; `nil` for an adapter.
    var text: MemoryExport.Form? { MemoryExport.Form(rawValue: rawValue) }
  }

  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract:
      "Writes a patch as an adapter, a memory as a change of weights, or facts as text, that other programs take.",
    discussion: """
      The low-rank part of the patch becomes a LoRA adapter beside the unchanged model: a folder for Hugging Face PEFT, or \
      a file for llama.cpp's --lora. What an adapter cannot hold is named: other kinds of change, and the patch's rounding.

      Weights whose rows a container orders by head (Llama's queries and keys, GPT-NeoX's attention) need --model to \
      cross from one container to the other: it tells the number of heads.

      patch makes what side weights of a memory (wise) add a change of the weights themselves, for `errata apply`: they are \
      always on then, for every prompt. It needs --model, the model that the memory was made for.

      The other forms are the facts as text, of a memory or of an edit: prompt (to stand before each \
      prompt), system (what a system says in a chat), chat (messages for each fact, JSON lines), \
      rag-json (a document for each fact, JSON lines), modelfile (for Ollama, from --model). All \
      facts speak always then, but for chat and rag-json, where the program that reads them decides.

      Examples:
        errata export fix.errata --as peft -o fix-lora
        errata export memory.errata --as system -o system.txt
        errata export fix.errata --as gguf-adapter -o fix-lora.gguf
      """)
  @Argument(help: "The patch.", completion: .file())
  var patch: String
  @Option(name: .customLong("as"), help: "What to write.")
  var form: Form
  @Option(
    name: .shortAndLong, help: "What is written: a new folder for peft, else a file.",
    completion: .file())
  var output: String
  @Option(
    help:
      "Any form of the patch's model; it is compared with the patch. modelfile: the model's name or file, as Ollama is to find it.",
    completion: .file())
  var model: String?
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    guard form != .patch || model != nil else {
      throw ValidationError("--as patch needs --model: the model that the memory was made for.")
    }
    guard form != .modelfile || model != nil else {
      throw ValidationError(
        "--as modelfile needs --model NAME: the model that Ollama is to put the facts before.")
    }
  }

  func run() throws {
    try doing("cannot export \(patch)", messages) {
      let rule = OutputRule(["-o": output])
      // A Modelfile names its model, which is a file as often as not.
      if form == .modelfile { try rule.check(inputs: [model]) }
      try rule.check(inputs: [patch])
      let file = try PatchFile(patch)
      try file.checkBlocks(threads: threads.count)
      if let text = form.text { return try write(text, of: file) }
      if form == .patch { return try writeWeights(of: file) }
      if file.changes.isEmpty, file.memory != nil { throw PatchError.onlyMemory(patch: patch) }
      let base = try model.map { try openModel($0, threads: threads.count, messages) }
      try rule.check(models: base.map { [$0] } ?? [])
      let export = try AdapterExport(file, as: form == .peft ? .peft : .ggufAdapter, model: base)
      try export.write(to: output)
      report(export, file)
    }
  }

  /// Writes side weights as a patch.
  private func writeWeights(of file: PatchFile) throws {
    let running = try RunningModel(model!, threads: threads.count, messages)
    try OutputRule(["-o": output]).check(models: [running.network.model])
    let memory = SideWeightExport(file, for: running.network, running.tokenizer)
    let patch = try memory.write(to: output, tool: Errata.tool)
    try messages.answer(Shown.patch(patch, verbose: messages.verbose).text)
    messages.say(
      "Lost: which fact is for which prompt; all side weights are always on, and what they add together no longer says each fact for sure: ask before you apply. Undone by `errata revert`."
    )
    guard messages.json else { return }
    let object: JSONValue = [
      "output": .string(output), "form": .string(form.rawValue),
      "digest": .string(patch.digest.hexadecimal), "bytes": .integer(patch.byteCount),
      "facts": .integer(file.memory?.factCount ?? 0),
      "tensors": .array(patch.changes.map { .string($0.name) }), "keepsFactsApart": false,
    ]
    Console.output(object.indentedText)
  }

  /// Writes facts as text.
  private func write(_ form: MemoryExport.Form, of file: PatchFile) throws {
    if form != .modelfile, model != nil {
      throw EditError.optionNeeds("--model", other: "adapters and --as modelfile")
    }
    let export = try MemoryExport(file, as: form, model: model)
    let target = try AtomicFile(output)
    let bytes = Array(export.text.utf8)
    try target.file.write(bytes, at: 0)
    try target.commit()
    messages.answer(
      "\(Numbers.count(export.facts.count, "fact")), \(Numbers.bytes(bytes.count)), in \(output)")
    if !export.keepsFactsApart {
      messages.say("Lost: which fact is for which prompt; all of them are always read.")
    }
    if !file.changes.isEmpty {
      messages.say(
        "Lost: the change of \(Numbers.count(file.changes.count, "tensor")); only the facts are in it.")
    }
    guard messages.json else { return }
    let object: JSONValue = [
      "output": .string(output), "form": .string(form.rawValue), "facts": .integer(export.facts.count),
      "bytes": .integer(bytes.count), "keepsFactsApart": .bool(export.keepsFactsApart),
    ]
    Console.output(object.indentedText)
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
    case .expert: "the change of \(tensor): programs that load adapters leave out those of experts"
    case .layout: "changes of headers or files"
    case .file: "the change of \(Numbers.oneLine(tensor)) beside the weights"
    }
  }
}
