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

  /// How far two updates of one tensor get into each other's way.
  public struct Interaction: Sendable {
    /// Full name of the tensor.
    public let tensor: String
    /// ⟨Δ₁, Δ₂⟩ / (‖Δ₁‖ ‖Δ₂‖).
    public let updateCosine: Double
    /// The largest cosine between an input direction that one update reads and one that the other reads: 0 when they never
    /// see the same key, 1 when some key moves both.
    public let keyCosine: Double
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
        if first.change.kind != .removed, second.change.kind != .added,
          second.change.baseDigest == first.change.resultDigest
        {
          relation = .stack
        } else if first.change.kind != .added, second.change.kind != .added,
          second.change.baseDigest == first.change.baseDigest
        {
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
    for (name, parts) in changes where parts.allSatisfy({ $0.change.kind == .lowRank }) {
      let updates = try parts.map { part in
        let update = try StoredFactors(change: part.change, patch: part.patch).update(of: part.change)
        guard part.change.orientation == .inputMajor else { return update }
        return LowRankFactors(left: update.right.transposed(), right: update.left.transposed())
      }
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
      let factors = try parts.map { part in
        guard part.change.kind == .lowRank, part.change.blocks("differences").isEmpty else {
          throw PatchError.siblingsNotLowRank(tensor: name, patch: part.patch.path)
        }
        return try StoredFactors(change: part.change, patch: part.patch).update(of: part.change)
      }
      let sum = factors.dropFirst().reduce(factors[0]) { $0.adding($1) }.compressed()
      interactions.append(try Interaction(tensor: name, factors[0], factors[1]))
      var options = LowRankOptions()
      options.factorType = parts.contains { $0.change.factorType == .f32 } ? .f32 : .f16
      options.rounding = parts[0].change.rounding
      options.threads = threads
      let tensor = try base.tensor(name)
      let digest = try Digest(of: tensor, in: base.file(of: tensor), threads: threads)
      guard digest == parts[0].change.baseDigest else {
        throw PatchError.wrongBase(
          tensor: name, file: base.file(of: tensor).path, expected: parts[0].change.baseDigest, found: digest,
          state: .other)
      }
      try writer.append(sum, to: tensor, of: base, orientation: parts[0].change.orientation, options: options)
    }
    let family = patches[0].manifest["model"]?["family"]?.text
    return (try writer.finish(tool: tool, family: family, edit: edit), interactions)
  }
}

extension PatchCombination.Interaction {
  init(tensor: String, _ first: LowRankFactors, _ second: LowRankFactors) throws {
    self.tensor = tensor
    // ⟨L₁R₁, L₂R₂⟩ = tr(L₁ᵀL₂ · R₂R₁ᵀ), without forming either update.
    let lefts = first.left.times(second.left, transposed: true)
    let rights = first.right.times(second.right, otherTransposed: true)
    updateCosine = lefts.elements.dot(rights.elements) / (first.frobeniusNorm * second.frobeniusNorm)
    let spaces = ThinQR(first.right.transposed()).q.times(
      ThinQR(second.right.transposed()).q, transposed: true)
    keyCosine = max(0, try SymmetricEigen(of: spaces.rowGram()).values.max() ?? 0).squareRoot()
  }
}

extension LowRankFactors {
  /// Both updates together: components side by side.
  func adding(_ other: LowRankFactors) -> LowRankFactors {
    LowRankFactors(
      left: left.transposed().stacked(on: other.left.transposed()).transposed(),
      right: right.stacked(on: other.right))
  }
}

extension StoredFactors {
  /// The factors as a patch defines them: left [outputWidth × rank], right [rank × inputWidth] with its scale.
  func update(of change: TensorChange) -> LowRankFactors {
    let right = self.right.enumerated().map { Double($1 * scales[$0 / change.inputWidth]) }
    return LowRankFactors(
      left: Matrix(rows: rank, columns: change.outputWidth, elements: left.map(Double.init)).transposed(),
      right: Matrix(rows: rank, columns: change.inputWidth, elements: right))
  }
}

extension PatchWriter {
  /// Takes a tensor's change over from another patch, block by block.
  func append(_ change: TensorChange, from patch: PatchFile) throws {
    var copy = change
    copy.blocks.ranges = try change.blocks.ranges.map { range in
      let first = blockCount
      for block in range {
        let info = patch.blocks[block]
        try append(
          NewBlock(coding: info.coding, decodedCount: info.decodedCount, stored: patch.storedBytes(block)))
      }
      return first..<blockCount
    }
    append(copy)
  }
}
