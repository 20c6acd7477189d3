internal import ModelFiles
internal import Patches
internal import Transformer

extension Edit {
  /// A wider model under way: it stands in a folder beside the patch until that is written.
  struct Widened {
    private let scratch: ScratchFolder
    private let model: ModelFile
    let network: Network

    init(_ network: Network, layer: Int, _ neurons: AddedNeurons, beside path: String) throws {
      scratch = try ScratchFolder(beside: path)
      model = try WidenedModel(network, layer: layer, neurons).write(to: scratch.path)
      self.network = try Network(model, threads: network.threads)
    }

    /// Writes what sets it apart from the model.
    func write(to path: String, tool: String, edit: JSONValue, from base: Network) throws -> PatchFile {
      let comparison = try ModelComparison(base.model, model, threads: base.threads)
      return try comparison.write(to: path, tool: tool, threads: base.threads, edit: edit)
    }
  }
}
