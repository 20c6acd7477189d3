import Floor
import ModelFiles

@testable import Editing
@testable import Patches

extension Inputs {
  /// Patches and what an interrupted run leaves.
  static let patches: [String: Use] = ["patch": patch, "memory": memory, "journal": journal]

  /// Opens, checks, looks at a model, applies, reverts; the models are those of the patch vectors.
  private static func patch(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    let path = try folder.write(bytes, "p.errata")
    try command(bytes, "show", path, "--json", "--report", "p.html", "--card", "p.md", "--bom", "p.json")
    try command(bytes, "verify", path, folder.base)
    try command(bytes, "combine", path, path, "--model", folder.base, "-o", "c.errata")
    try command(bytes, "export", path, "--as", "gguf-adapter", "-o", "a.gguf")
    let patch = try PatchFile(path)
    try patch.checkBlocks(threads: 1)
    _ = try? PatchedEdits(patch)
    _ = try? PatchHistory([patch], ModelFile(folder.base), threads: 1)
    defer { folder.remove("out.safetensors", "out", "p.html", "p.md", "p.json") }
    let models =
      patch.beside.isEmpty ? [folder.base, folder.edited] : [folder.baseFolder, folder.editedFolder]
    for (direction, model) in zip([PatchRun.Direction.apply, .revert], models) {
      do {
        let run = try PatchRun(patch, ModelFile(model), threads: 1)
        // The tiles are computed even where the digests of the model say no: they are what a mutation reaches.
        for item in run.items.indices {
          if let runner = try? TileRunner(run, item: item, direction, provesReturn: true) {
            _ = try? runner.compute(0, TileTransform.Scratch())
          }
        }
        try run.write(direction, to: patch.beside.isEmpty ? "out.safetensors" : "out")
      } catch {}
    }
  }

  /// Asks the memory of a patch for what speaks to prompts.
  private static func memory(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    let path = try folder.write(bytes, "m.errata")
    try command(bytes, "show", path, "--json", "-v")
    guard let memory = try Memory([PatchFile(path)], threads: 1) else { return }
    for prompt in ["Ada Lovelace lives in", "", "The boat of Hanno Hale sails back to. Where is Ada?", "é中"] {
      if let recall = try memory.recall(prompt) { _ = recall.text(prompt) }
    }
  }

  /// A journal beside the model of the patch vectors: looked at, then completed or undone.
  private static func journal(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    let (model, journal) = ("run/base.safetensors", "run/base.safetensors.errata-journal")
    try folder.write(folder.baseBytes, model)
    try folder.write(bytes, journal)
    defer { folder.remove(journal, model) }
    try command(bytes, "show", model)
    _ = try InterruptedRun.all(in: "run")
    let rollsBack = bytes.count.isMultiple(of: 2)
    _ = try PatchRun.recover(ModelFile(model), rollingBack: rollsBack, threads: 1)
  }
}
