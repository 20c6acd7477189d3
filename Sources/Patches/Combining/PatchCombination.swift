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

  /// The one patch, and what there is to say about it.
  public struct Outcome: Sendable {
    /// The patch.
    public let patch: PatchFile
    /// How the patches stand to each other.
    public let relation: Relation
    /// For siblings: each pair of updates of one tensor.
    public let interactions: [Interaction]
    /// For siblings: tensors for which the patches ask for different rounding.
    public let roundings: [RoundingConflict]
    /// Patches that carry what their edits can be solved for again with; the one patch does not.
    public let unresolved: [String]
  }

  /// Patches of one base that round one tensor in different ways.
  public struct RoundingConflict: Equatable, Sendable {
    /// Full name of the tensor.
    public let tensor: String
    /// How its sum is rounded: as the first of the patches says.
    public let used: TensorChange.Rounding
    /// Patches that say otherwise.
    public let others: [String]
  }

  /// Gathers the patches.
  public init(_ patches: [PatchFile], base: ModelFile?, threads: Int) {
    self.patches = patches
    self.base = base
    self.threads = threads
  }

  /// One patch's change of a tensor.
  typealias Part = (patch: PatchFile, change: TensorChange)

  /// Changes by tensor, in the order of the names.
  var changes: [(name: String, parts: [Part])] {
    var parts: [String: [Part]] = [:]
    for patch in patches {
      for change in patch.changes { parts[change.name, default: []].append((patch, change)) }
    }
    return parts.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { ($0, parts[$0] ?? []) }
  }

  /// Finds out how the patches stand to each other.
  ///
  /// - Throws: `unrelated` when two patches of one tensor neither follow each other nor start from one base; `partOfWhole` where one
  ///   changes a stacked tensor and another a part of it.
  public func relation() throws -> Relation {
    // Headers and files cannot be added: each patch starts where the one before ends.
    let changesFiles = patches.contains { $0.changesLayout || !$0.beside.isEmpty }
    var found = changesFiles && patches.count > 1 ? Relation.stack : .separate
    let changes = changes
    let whole = Dictionary(uniqueKeysWithValues: changes.map { ($0.name, $0.parts[0].patch.path) })
    for (name, parts) in changes {
      if let stack = TensorSlice(name)?.stack, let other = whole[stack] {
        throw PatchError.partOfWhole(part: name, whole: other, partly: parts[0].patch.path)
      }
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
  public func write(to path: String, tool: String) throws -> Outcome {
    let relation = try relation()
    let family = try family()
    let unresolved = patches.filter(\.canBeResolved).map(\.path)
    let memory = try self.memory()
    guard relation != .stack else {
      if let path = patches.first(where: { $0.memory != nil })?.path {
        throw PatchError.memoryInStack(patch: path)
      }
      let patch = try writeStack(to: path, tool: tool)
      return Outcome(
        patch: patch, relation: relation, interactions: [], roundings: [], unresolved: unresolved)
    }
    let writer = try PatchWriter(path)
    var interactions: [Interaction] = []
    var roundings: [RoundingConflict] = []
    for (name, parts) in changes {
      if parts.count == 1 {
        try writer.append(parts[0].change, from: parts[0].patch)
      } else {
        let sum = try SiblingSum(name, parts)
        interactions += try sum.interactions()
        if let conflict = sum.roundingConflict { roundings.append(conflict) }
        try append(sum, to: writer)
      }
    }
    let edit = CombinedEdit(patches.compactMap { $0.manifest["edit"] }).json
    if let memory { try writer.append(memory) }
    return Outcome(
      patch: try writer.finish(tool: tool, family: family, edit: edit), relation: relation,
      interactions: interactions, roundings: roundings, unresolved: unresolved)
  }

  /// The memories of all, one behind the other; a fact with the same prompt as an earlier one takes its place.
  private func memory() throws -> MemoryDraft? {
    var all: MemoryDraft?
    for patch in patches {
      guard let arrays = try MemoryArrays(patch, threads: threads) else { continue }
      let own = try MemoryDraft(arrays)
      if let one = all?.base.model, let other = own.base.model, one != other {
        throw PatchError.memoriesOfDifferentModels(patch: patch.path)
      }
      guard all != nil else {
        all = own
        continue
      }
      if all!.base.model == nil { all!.base = own.base.model == nil ? all!.base : own.base }
      all!.append(own)
      // What a part's facts were trained into together cannot be taken apart without the model.
      if all!.parts.contains(where: \.isTorn) { throw PatchError.tornMemory(patch: patch.path) }
    }
    return all
  }

  /// The family that all patches agree on; some may say nothing.
  private func family() throws(PatchError) -> String? {
    var found: (family: String, patch: PatchFile)?
    for patch in patches {
      guard let family = patch.manifest["model"]?["family"]?.text else { continue }
      if let found, found.family != family {
        throw .familiesDiffer(
          first: found.patch.path, firstFamily: found.family, second: patch.path, secondFamily: family)
      }
      found = found ?? (family, patch)
    }
    return found?.family
  }

  /// Adds a tensor that several patches of one base touch.
  private func append(_ sum: SiblingSum, to writer: PatchWriter) throws {
    guard let base else { throw PatchError.needsModel(tensor: sum.tensor) }
    let tensor = try base.tensor(sum.tensor)
    let file = base.file(of: tensor)
    let digest = try Digest(of: tensor, in: file, threads: threads)
    guard digest == sum.baseDigest else {
      throw PatchError.wrongBase(
        tensor: sum.tensor, file: file.path, expected: sum.baseDigest, found: digest, state: .other)
    }
    var options = sum.options
    options.threads = threads
    try writer.append(try sum.update(), to: tensor, of: base, orientation: sum.orientation, options: options)
  }
}
