internal import Floor
internal import LinearAlgebra
public import ModelFiles

/// One patch in place of several: a stack A → B → C becomes A → C, siblings of one base are added.
public struct PatchCombination {
  /// The patches, in the order in which they would be applied.
  public let patches: [PatchFile]
  /// The model before all of them; needed where two patches touch one tensor, or files change.
  public let base: ModelFile?
  /// Threads to use.
  public let threads: Int

  /// How the patches stand to each other.
  public enum Relation: String, Sendable {
    /// No tensor is touched twice.
    case separate
    /// Each patch starts from the result of the one before.
    case stack
    /// All start from one base.
    case siblings
  }

  /// Gathers the patches.
  public init(_ patches: [PatchFile], base: ModelFile?, threads: Int) {
    self.patches = patches
    self.base = base
    self.threads = threads
  }

  /// Changes by tensor, in the order of the names.
  private var changes: [(name: String, parts: [(patch: PatchFile, change: TensorChange)])] {
    var parts: [String: [(PatchFile, TensorChange)]] = [:]
    for patch in patches {
      for change in patch.changes { parts[change.name, default: []].append((patch, change)) }
    }
    return parts.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { ($0, parts[$0] ?? []) }
  }

  /// Finds out how the patches stand to each other.
  ///
  /// - Throws: `unrelated` when two patches of one tensor neither follow each other nor start from one base.
  public func relation() throws -> Relation {
    var found = patches.contains(where: \.changesLayout) && patches.count > 1 ? Relation.stack : .separate
    for (name, parts) in changes {
      for (first, second) in zip(parts, parts.dropFirst()) {
        let relation: Relation
        if let end = first.change.after, second.change.before == end {
          relation = .stack
        } else if let start = first.change.before, second.change.before == start {
          relation = .siblings
        } else {
          throw PatchError.unrelated(tensor: name, first: first.patch.path, second: second.patch.path)
        }
        guard found == .separate || found == relation else {
          throw PatchError.unrelated(tensor: name, first: first.patch.path, second: second.patch.path)
        }
        found = relation
      }
    }
    return found
  }

  /// Writes the one patch.
  public func write(to path: String, tool: String) throws -> (PatchFile, Relation, [Interaction]) {
    let relation = try relation()
    switch relation {
    case .separate: return (try writeSum(to: path, tool: tool).0, relation, [])
    case .siblings:
      let (patch, interactions) = try writeSum(to: path, tool: tool)
      return (patch, relation, interactions)
    case .stack: return (try writeStack(to: path, tool: tool), relation, [])
    }
  }

  /// What was edited, over all patches.
  private var edit: JSONValue? {
    let edits = patches.compactMap { $0.manifest["edit"] }
    guard let first = edits.first else { return nil }
    let facts = edits.flatMap { $0["facts"]?.elements ?? [] }
    let methods = edits.compactMap { $0["method"]?.text }
    let isOne = Set(methods).count == 1
    return .object([
      .init("method", isOne ? first["method"] ?? .null : .array(methods.map { .string($0) })),
      .init("recipe", isOne ? first["recipe"] ?? .null : .null), .init("facts", .array(facts)),
    ])
  }

  /// Applies the stack to a copy that is thrown away, and takes the difference.
  private func writeStack(to path: String, tool: String) throws -> PatchFile {
    guard let base else {
      throw PatchError.needsModel(tensor: changes.first { $0.parts.count > 1 }?.name ?? "")
    }
    var model = base
    var temporaries: [String] = []
    defer { for temporary in temporaries { Folder.remove(temporary) } }
    for patch in patches {
      let run = try PatchRun(patch, model, threads: threads)
      let temporary = Folder.temporaryPath(for: path) + (model.isFolder ? "" : ".\(model.format.rawValue)")
      temporaries.append(temporary)
      try run.write(.apply, to: temporary)
      model = try ModelFile(temporary)
      // Only the last state is needed.
      if temporaries.count > 1 { Folder.remove(temporaries[temporaries.count - 2]) }
    }
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

  /// Takes over what is touched once, and adds up low-rank changes of one tensor.
  private func writeSum(to path: String, tool: String) throws -> (PatchFile, [Interaction]) {
    let writer = try PatchWriter(path)
    var interactions: [Interaction] = []
    for (name, parts) in changes {
      if parts.count == 1 {
        try writer.append(parts[0].change, from: parts[0].patch)
        continue
      }
      guard let base else { throw PatchError.needsModel(tensor: name) }
      var shapes: [LowRankForm] = []
      let factors = try parts.map { part in
        guard let own = part.change.lowRank, !own.hasDifference else {
          throw PatchError.siblingsNotLowRank(tensor: name, patch: part.patch.path)
        }
        shapes.append(own.shape)
        return try StoredFactors(of: own, name, in: part.patch).update(of: own.shape)
      }
      let sum = factors.dropFirst().reduce(factors[0]) { $0.adding($1) }.compressed()
      interactions.append(try Interaction(tensor: name, factors[0], factors[1]))
      var options = LowRankOptions()
      options.factorType = shapes.contains { $0.factorType == .f32 } ? .f32 : .f16
      options.rounding = shapes[0].rounding
      options.threads = threads
      let tensor = try base.tensor(name)
      let digest = try Digest(of: tensor, in: base.file(of: tensor), threads: threads)
      guard digest == parts[0].change.baseDigest else {
        throw PatchError.wrongBase(
          tensor: name, file: base.file(of: tensor).path, expected: parts[0].change.baseDigest, found: digest,
          state: .other)
      }
      try writer.append(sum, to: tensor, of: base, orientation: shapes[0].orientation, options: options)
    }
    let family = patches[0].manifest["model"]?["family"]?.text
    return (try writer.finish(tool: tool, family: family, edit: edit), interactions)
  }
}
