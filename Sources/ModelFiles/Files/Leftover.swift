internal import Glibc

/// A temporary file or folder in some folder: a run's that is under way, or what a killed one left.
public struct Leftover: Sendable {
  /// Its path.
  public let path: String
  /// Bytes of the file, or of the files in the folder.
  public let byteCount: Int

  /// All that no living run holds, by name: in a folder, and beside an output of this name, whether that is there or not.
  ///
  /// Where the file system has no locks nothing tells the dead from the living, and nothing is found.
  public static func all(of path: String) throws(ModelFileError) -> [Leftover] {
    let own = TemporaryName.path(for: path, "")
    let parent = Folder.containing(path)
    var paths = ((try? Folder.names(in: parent)) ?? []).map { Folder.path(parent, $0) }
      .filter { $0.hasPrefix(own) }
    if Folder.exists(path) {
      paths += try Folder.names(in: path).filter(TemporaryName.isOne).map { Folder.path(path, $0) }
    }
    return paths.compactMap { path in
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      guard FileLock.take(descriptor, exclusively: false) == .taken else { return nil }
      return Leftover(path: path, byteCount: Folder.byteCount(of: path))
    }
  }

  /// Takes it away; `false` where its run is alive after all, or the system refuses.
  public func remove() -> Bool { TemporaryPlace.clear(path) == .cleared }
}
