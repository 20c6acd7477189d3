/// A new file that appears under its name whole or not at all.
///
/// The bytes go to a temporary file in the same folder; `commit` waits for the disk, renames, and waits for the folder.
/// What stood under the name before, even if it is mapped at that moment, keeps its bytes until the last user lets go.
/// Source: huggingface/safetensors issue 762, where saving over the mapped file wrote zeros.
public final class AtomicFile {
  /// Where the file will appear.
  public let path: String
  /// The temporary file to write to.
  public let file: OpenFile
  private var isCommitted = false

  /// Makes the temporary file.
  public init(_ path: String) throws(ModelFileError) {
    self.path = path
    do throws(ModelFileError) { file = try OpenFile(Folder.temporaryPath(for: path), .creating) } catch {
      // The user named this file; the temporary name says nothing to anybody.
      throw ModelFileError(error.reason, file: path)
    }
  }

  deinit { if !isCommitted { Folder.remove(file.path) } }

  /// Puts the file under its name.
  public func commit() throws(ModelFileError) {
    try file.synchronize()
    try Folder.rename(file.path, to: path)
    isCommitted = true
    try Folder.synchronize(Folder.containing(path))
  }
}
