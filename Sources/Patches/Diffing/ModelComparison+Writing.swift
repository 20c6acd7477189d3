public import LinearAlgebra
public import ModelFiles

extension ModelComparison {
  /// Writes the patch that leads from the base to the edited model, and back.
  ///
  /// - Parameters:
  ///   - effort: passes that refine the factors of a low-rank change; each makes the patch smaller and takes longer.
  ///   - edit: what the change is about, if known.
  ///   - known: updates that are known beforehand, [rows × rank] and [rank × columns] of the storage; others are searched for.
  ///   - progress: called with bytes of changed tensors done, from several threads.
  @discardableResult
  public func write(
    to path: String, tool: String, threads: Int, effort: Int = 0, edit: JSONValue? = nil,
    known: [String: LowRankFactors] = [:], progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> PatchFile {
    if changesLayout { for model in [base, edited] { try ModelLayout.requireListed(model) } }
    let writer = try PatchWriter(path)
    let (tiled, resized, extended) = (Set(changed), Set(resized), Set(extended))
    for name in names {
      if tiled.contains(name) {
        try append(name, to: writer, known[name], effort: effort, threads: threads, progress: progress)
      } else if resized.contains(name) {
        let (before, after) = (try base.tensor(name), try edited.tensor(name))
        try writer.appendResized(
          before, of: base.file(of: before), after, of: edited.file(of: after), threads: threads,
          progress: progress)
      } else if extended.contains(name) {
        let (before, after) = (try base.tensor(name), try edited.tensor(name))
        try writer.appendExtended(before, in: base, after, in: edited, threads: threads)
        progress(byteCount(of: name))
      } else {
        try writer.appendWhole(name, from: base, to: edited, threads: threads)
        progress(byteCount(of: name))
      }
    }
    var layout: (base: ModelLayout, result: ModelLayout)?
    if changesLayout { layout = (try ModelLayout(of: base), try ModelLayout(of: edited)) }
    return try writer.finish(
      tool: tool, family: base.modelType, edit: edit, layout: layout,
      beside: beside.filter { $0.leftOut == nil })
  }

  /// Adds a tensor of one form in both models, in the shortest way that is found.
  private func append(
    _ name: String, to writer: PatchWriter, _ known: LowRankFactors?, effort: Int, threads: Int,
    progress: @Sendable (Int) -> Void
  ) throws {
    let pair = try TensorPair(name, self)
    if known == nil, let gain = try ScaleSearch(pair: pair).gain(),
      try writer.appendScaled(pair, gain: gain, threads: threads, progress: progress)
    {
      return
    }
    let factors =
      try known.map { [$0] } ?? LowRankSearch(pair: pair, effort: effort, threads: threads).factors()
    if !factors.isEmpty, try writer.appendLowRank(pair, factors, threads: threads, progress: progress) {
      return
    }
    try writer.appendDifference(pair, threads: threads, progress: progress)
  }

  /// Whether applying gives the edited files to the last byte; else their tensors, with zeros between.
  public var isReproducible: Bool {
    get throws { try ModelLayout.isComplete(edited) }
  }
}
