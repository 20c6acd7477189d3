internal import LinearAlgebra
internal import ModelFiles

extension PatchCombination {
  /// Applies the stack to a copy that is thrown away, and takes the difference.
  func writeStack(to path: String, tool: String) throws -> PatchFile {
    guard let base else {
      throw PatchError.needsModel(tensor: changes.first { $0.parts.count > 1 }?.name ?? "")
    }
    var model = base
    let scratch = try ScratchFolder(beside: path)
    defer { withExtendedLifetime(scratch) {} }
    var last: String?
    for (step, patch) in patches.enumerated() {
      let run = try PatchRun(patch, model, threads: threads)
      let temporary = scratch.path("\(step)" + (model.isFolder ? "" : ".\(model.format.rawValue)"))
      try run.write(.apply, to: temporary)
      model = try ModelFile(temporary)
      // Only the last state is needed.
      if let last { Folder.remove(last) }
      last = temporary
    }
    let edit = CombinedEdit(patches.compactMap { $0.manifest["edit"] }).json
    return try ModelComparison(base, model, threads: threads).write(
      to: path, tool: tool, threads: threads, edit: edit, known: try knownUpdates())
  }

  /// Sums of low-rank updates, in the storage's own orientation: what is left beside them is only rounding.
  private func knownUpdates() throws -> [String: LowRankFactors] {
    var known: [String: LowRankFactors] = [:]
    for (name, parts) in changes {
      let updates = try parts.compactMap { part -> LowRankFactors? in
        guard let own = part.change.lowRank else { return nil }
        let update = try StoredFactors(of: own, name, in: part.patch).update(of: own.shape)
        guard own.shape.orientation == .inputMajor else { return update }
        return LowRankFactors(left: update.right.transposed(), right: update.left.transposed())
      }
      guard updates.count == parts.count else { continue }
      known[name] = updates.dropFirst().reduce(updates[0]) { $0.adding($1) }.compressed()
    }
    return known
  }
}
