internal import Floor
internal import ModelFiles

extension ModelComparison {
  /// A file beside the weights that differs.
  public struct Beside: Sendable {
    /// Its name in the folder.
    public let name: String
    /// Where it is before; `nil` when the base does not have it.
    let base: String?
    /// Where it is after; `nil` when the edited model does not have it.
    let result: String?
    /// Why it does not travel in the patch; `nil` when it does.
    public let leftOut: Reason?

    /// Why a file stays behind.
    public enum Reason: String, Sendable {
      /// The user asked for the weights only.
      case onRequest = "on-request"
      /// It is neither configuration nor tokenizer.
      case otherKind = "other-kind"
      /// It is longer than a patch carries.
      case tooLarge = "too-large"
    }

    /// `added`, `removed` or `changed`.
    public var label: String { base == nil ? "added" : result == nil ? "removed" : "changed" }
  }

  /// Compares the small files beside the weights of two folders; files under names with a dot before, folders, and weights that
  /// are not the model's are passed over.
  static func beside(_ base: ModelFile, _ edited: ModelFile, weightsOnly: Bool) throws -> [Beside] {
    guard base.isFolder, edited.isFolder else { return [] }
    let (before, after) = (try base.companions(), try edited.companions())
    return try before.union(after).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.compactMap { name in
      let old = before.contains(name) ? try OpenFile(Folder.path(base.folder, name), .reading) : nil
      let new = after.contains(name) ? try OpenFile(Folder.path(edited.folder, name), .reading) : nil
      if let old, let new, try old.holdsSame(as: new) { return nil }
      let longest = try max(old?.size() ?? 0, new?.size() ?? 0)
      let reason: Beside.Reason? =
        weightsOnly
        ? .onRequest
        : !BesideFile.travels(name) ? .otherKind : longest > BesideFile.byteLimit ? .tooLarge : nil
      return Beside(name: name, base: old?.path, result: new?.path, leftOut: reason)
    }
  }
}

extension ModelFile {
  /// Names of the ordinary files in a model's folder that are none of its own and hold no weights.
  fileprivate func companions() throws -> Set<String> {
    let own = Set((shards.map(\.path) + (indexPath.map { [$0] } ?? [])).map(Folder.name))
    return Set(
      try Folder.names(in: folder).filter { name in
        !own.contains(name) && !name.hasPrefix(".") && !name.hasSuffix(Journal.suffix)
          && !PatchRun.weightSuffixes.contains(where: name.hasSuffix)
          && !name.hasSuffix(".index.json") && Folder.fileExists(Folder.path(folder, name))
      })
  }
}

extension OpenFile {
  /// Whether both hold the same bytes.
  fileprivate func holdsSame(as other: OpenFile) throws -> Bool {
    let size = try size()
    guard try size == other.size() else { return false }
    let step = 1 << 20
    for start in stride(from: 0, to: size, by: step) {
      let count = min(step, size - start)
      guard try read(count, at: start) == other.read(count, at: start) else { return false }
    }
    return true
  }
}
