internal import CLinux
internal import Glibc

/// A new folder that appears under its name whole or not at all.
public final class NewFolder {
  /// Where the folder will appear.
  public let path: String
  /// Where its files are made.
  public let temporaryPath: String
  private let descriptor: Int32
  private var isCommitted = false

  /// Makes the temporary folder, and takes the output for this run.
  ///
  /// - Parameter source: a folder whose permissions the new one shall have.
  /// - Throws: `beingWritten` while another run writes the same folder; EEXIST where something has the name.
  public init(_ path: String, permissionsOf source: String? = nil) throws(ModelFileError) {
    self.path = path
    guard !Folder.occupied(path) else {
      throw ModelFileError(.system(call: "mkdir", code: EEXIST), file: path)
    }
    let mode = source.flatMap { Folder.permissions(of: $0) } ?? 0o777
    let place = try TemporaryPlace(for: path, .folder, purpose: "part", mode: mode_t(mode & 0o777))
    (temporaryPath, descriptor) = (place.path, place.descriptor)
  }

  deinit {
    if !isCommitted {
      FilesUnderWay.remove(temporaryPath)
    }
    close(descriptor)
  }

  /// A file of the folder: where it is made, and what it will be called.
  public func place(of name: String) -> (path: String, shown: String) {
    (Folder.path(temporaryPath, name), Folder.path(path, name))
  }

  /// A new file of the folder.
  ///
  /// - Parameter source: a file whose permissions it shall have.
  public func file(_ name: String, permissionsOf source: OpenFile? = nil) throws(ModelFileError) -> AtomicFile
  {
    let place = place(of: name)
    return try AtomicFile(place.path, permissionsOf: source, shownAs: place.shown)
  }

  /// Puts the folder under its name. What fails after that is a warning in the ledger: the folder is whole.
  public func commit() throws(ModelFileError) {
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw ModelFileError(.system(call: "fsync", code: errno), file: path)
    }
    let code = FilesUnderWay.end(temporaryPath) { () -> Int32 in
      // 1 is RENAME_NOREPLACE: plain rename would take the place of an empty folder that came meanwhile.
      var result = renameat2(AT_FDCWD, temporaryPath, AT_FDCWD, path, 1)
      if result != 0, errno == EINVAL || errno == ENOSYS { result = rename(temporaryPath, path) }
      isCommitted = result == 0
      return result == 0 ? 0 : errno
    }
    guard isCommitted else {
      FilesUnderWay.begin(temporaryPath, for: path)
      throw ModelFileError(.system(call: "rename", code: code), file: path)
    }
    flock(descriptor, LOCK_UN)
    FileLedger.note(written: path)
    do throws(ModelFileError) { try Folder.synchronize(Folder.containing(path)) } catch {
      FileLedger.warn(.nameNotSynchronized, path, error)
    }
  }
}

/// A folder for what is needed on the way to an output; it stands beside it, and goes when its last user does.
public final class ScratchFolder: Sendable {
  /// The folder.
  public let path: String
  private let descriptor: Int32

  /// Makes the folder.
  ///
  /// - Throws: `beingWritten` while another run works on the same output.
  public init(beside output: String) throws(ModelFileError) {
    let place = try TemporaryPlace(for: output, .folder, purpose: "scratch", mode: 0o700)
    (path, descriptor) = (place.path, place.descriptor)
  }

  deinit {
    FilesUnderWay.remove(path)
    close(descriptor)
  }

  /// A name in the folder.
  public func path(_ name: String) -> String { Folder.path(path, name) }
}
