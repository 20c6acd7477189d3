internal import LinearAlgebra
internal import ModelFiles
public import Patches
public import Transformer

/// The side weights of a memory as a change of the weights beside which they stand: always on, for every prompt.
///
/// Several of one layer are added up. Each was trained to be short off its own prompts, and not to be there on others'.
public struct SideWeightExport {
  /// The memory's patch.
  public let patch: PatchFile
  /// The model that it was made for.
  public let network: Network
  private let tokenizer: Tokenizer

  /// Joins a memory with its model.
  public init(_ patch: PatchFile, for network: Network, _ tokenizer: Tokenizer) {
    (self.patch, self.network, self.tokenizer) = (patch, network, tokenizer)
  }

  /// Writes the patch.
  ///
  /// - Throws: `EditError.noStoredEdits` where no part has a side weight, or one has none; `memoryOfOtherModel`; as storing a change.
  public func write(to path: String, tool: String) throws -> PatchFile {
    guard let arrays = try MemoryArrays(patch, threads: network.threads) else {
      throw EditError.noStoredEdits(file: patch.path, missing: "memory")
    }
    let parts = arrays.section.parts
    // The facts of other parts would be lost, and nothing would say so.
    guard parts.allSatisfy({ $0.action == .replaceWeight }) else {
      throw EditError.noStoredEdits(file: patch.path, missing: "side weights of all its facts")
    }
    let memory = try Memory([patch], threads: network.threads)
    try memory?.requireModel(network.model, threads: network.threads)
    let facts = try arrays.facts()
    var options = LowRankOptions()
    options.threads = network.threads
    // No second moment: what else the weight is asked for is not known.
    let solver = WeightSolver(
      model: network.model, statistics: nil, settings: UpdateSettings(method: .kn), options: options,
      orientation: nil)
    let writer = try PatchWriter(path)
    let layers = Dictionary(grouping: parts.indices) { parts[$0].route.layer ?? 0 }
    let named = try layers.map { layer, numbers in
      (weight: try network.downProjection(of: layer), layer: layer, numbers: numbers)
    }.sorted { $0.weight.utf8.lexicographicallyPrecedes($1.weight.utf8) }
    for (weight, layer, numbers) in named {
      let sides = numbers.map { arrays.sideWeight(of: $0) }
      let own = numbers.flatMap { parts[$0].facts }.compactMap { Fact(json: facts[$0]) }
      let (keys, edits) = try keys(of: own, layer: layer)
      let update = try WeightUpdate.written(
        Self.sum(sides), of: weight, at: keys, edits: edits, names: own.map { "fact \($0.identifier)" },
        after: nil, solver: solver)
      _ = try solver.store(update, writer)
    }
    return try writer.finish(
      tool: tool, family: network.configuration.family.name,
      edit: .object([
        .init("method", .string(parts[0].method)), .init("facts", .array(facts)),
      ]))
  }

  private static func sum(_ sides: [SideWeight]) -> LowRankFactors {
    let left = sides.dropFirst().reduce(sides[0].left.transposed()) { $0.stacked(on: $1.left.transposed()) }
    let right = sides.dropFirst().reduce(sides[0].right) { $0.stacked(on: $1.right) }
    return LowRankFactors(left: Matrix<Double>(left.transposed()), right: Matrix<Double>(right)).compressed()
  }

  /// What the layer reads at the facts' prompts, where the weight's codes are to hold the change best; and the fact of each.
  private func keys(of facts: [Fact], layer: Int) throws -> (Matrix<Double>, edits: [Int]) {
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    let prompts = try facts.map { try encoder.prompt($0.filledPrompt).tokens }
    let edits = prompts.enumerated().flatMap { index, prompt in prompt.map { _ in index } }
    return (Matrix<Double>(try network.keys(of: prompts, layer: layer)), edits)
  }
}
