import ArgumentParser
import Floor
import LinearAlgebra
import ModelFiles
import Patches

struct CombineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "combine", abstract: "Makes one patch of several.",
    discussion: """
      A stack, where each patch starts from the result of the one before, becomes one patch from the first base to the \
      last result. Patches of one base are added: as they are when they touch different tensors, by adding their low-rank \
      updates where they touch the same ones. Where a tensor is touched twice the model is needed.

      Example:
        errata combine monday.errata tuesday.errata --model model.safetensors -o both.errata
      """)
  @Argument(help: "Patches, in the order of their application.")
  var patches: [String]
  @Option(help: "The model before all of them.")
  var model: String?
  @Option(name: .shortAndLong, help: "The combined patch.")
  var output: String
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    guard patches.count > 1 else { throw ValidationError("Give at least two patches.") }
  }

  func run() throws {
    try doing("cannot combine \(patches.joined(separator: " and "))", messages) {
      try requireDistinct(output, from: patches)
      let files = try patches.map { path in
        let file = try PatchFile(path)
        try file.checkBlocks(threads: threads.count)
        return file
      }
      try BLASLibrary.load()
      let base = try model.map { try openModel($0, threads: threads.count, messages) }
      try requireDistinct(output, from: base?.inputPaths ?? [])
      let (patch, relation, interactions) = try PatchCombination(files, base: base, threads: threads.count)
        .write(to: output, tool: Errata.tool)
      messages.answer(Shown.patch(patch, verbose: messages.verbose).text)
      for interaction in interactions {
        messages.answer(
          "  \(interaction.tensor): cosine of the updates \(Numbers.significant(interaction.updateCosine, 3)), "
            + "of their nearest keys \(Numbers.significant(interaction.keyCosine, 3))")
      }
      messages.say("The patch is \(output): \(files.count) patches, \(words(for: relation)).")
      report(patch, relation, interactions)
    }
  }

  private func words(for relation: PatchCombination.Relation) -> String {
    switch relation {
    case .separate: "which touch different tensors"
    case .stack: "a stack; it leads from the first base to the last result"
    case .siblings: "whose updates of one base were added"
    }
  }

  private func report(
    _ patch: PatchFile, _ relation: PatchCombination.Relation, _ interactions: [PatchCombination.Interaction]
  ) {
    guard messages.json else { return }
    let object: JSONValue = [
      "patch": .string(output), "digest": .string(patch.digest.hexadecimal),
      "bytes": .integer(patch.byteCount),
      "relation": .string(relation.rawValue),
      "interactions": .array(
        interactions.map {
          [
            "tensor": .string($0.tensor), "updateCosine": .measured($0.updateCosine),
            "keyCosine": .measured($0.keyCosine),
          ]
        }),
      "tensors": .array(
        patch.changes.map { ["name": .string($0.name), "change": .string($0.label)] }),
    ]
    Console.output(object.indentedText)
  }
}
